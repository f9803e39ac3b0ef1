/* The 48 bits of time and the 12 bits behind them (rand_a) are one number,
 * `stamp`, that only grows: in a new millisecond it starts with 11 random bits,
 * within the same one it is counted up, and a full counter carries into the
 * time (RFC 9562 6.2, methods 1 and 4). A wall clock that was set back changes
 * nothing: counting goes on from the last stamp. */
#include "base/uuid.h"

#include "base/clock.h"
#include "base/codec.h"
#include "base/random.h"

enum { COUNTER_BITS = 12 };

static _Thread_local uint64_t last_stamp;

struct uuid uuid_new(void)
{
    struct uuid u;
    uint16_t start;

    random_bytes(u.bytes + 8, 8);
    random_bytes(&start, sizeof start);
    uint64_t stamp = (uint64_t)wall_ms() << COUNTER_BITS | (start & 0x7ff);
    if (stamp <= last_stamp) stamp = last_stamp + 1;
    last_stamp = stamp;

    uint64_t ms = stamp >> COUNTER_BITS;
    for (int i = 0; i < 6; i++) u.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    u.bytes[6] = (uint8_t)(0x70 | (stamp >> 8 & 0x0f)); /* version 7 */
    u.bytes[7] = (uint8_t)stamp;
    u.bytes[8] = (uint8_t)(0x80 | (u.bytes[8] & 0x3f)); /* variant 10 */
    return u;
}

bool uuid_eq(struct uuid a, struct uuid b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

bool uuid_is_nil(struct uuid u)
{
    return uuid_eq(u, (struct uuid){ 0 });
}

/* Where the two digits of each byte stand. */
static const uint8_t place[16] = { 0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34 };

struct str uuid_text(char out[UUID_LEN + 1], struct uuid u)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++) {
        out[place[i]] = digits[u.bytes[i] >> 4];
        out[place[i] + 1] = digits[u.bytes[i] & 15];
    }
    out[8] = out[13] = out[18] = out[23] = '-';
    out[UUID_LEN] = '\0';
    return str_span(out, UUID_LEN);
}

bool uuid_parse(struct str text, struct uuid *out)
{
    struct uuid u;

    if (text.len != UUID_LEN) return false;
    if (text.at[8] != '-' || text.at[13] != '-' || text.at[18] != '-' || text.at[23] != '-')
        return false;
    for (int i = 0; i < 16; i++) {
        size_t len;
        if (!hex_decode(str_span(text.at + place[i], 2), &u.bytes[i], 1, &len)) return false;
    }
    *out = u;
    return true;
}
