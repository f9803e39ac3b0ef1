#include "base/uuid.h"

#include "base/attr.h"
#include "base/clock.h"

#include <criterion/criterion.h>
#include <stdio.h>

static int order(struct uuid a, struct uuid b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes);
}

static uint64_t ms_of(struct uuid u)
{
    uint64_t ms = 0;
    for (int i = 0; i < 6; i++) ms = ms << 8 | u.bytes[i];
    return ms;
}

/* RFC 9562 5.7 */
Test(uuid, says_its_version_its_variant_and_its_time)
{
    uint64_t before = (uint64_t)wall_ms();
    struct uuid u = uuid_new();

    cr_expect(u.bytes[6] >> 4 == 7);
    cr_expect(u.bytes[8] >> 6 == 2);
    cr_expect(ms_of(u) >= before && ms_of(u) <= (uint64_t)wall_ms());
}

/* RFC 9562 6.2: more than the counter of a millisecond holds. */
Test(uuid, only_grows_also_within_a_millisecond)
{
    struct uuid last = uuid_new();

    for (int i = 0; i < 50000; i++) {
        struct uuid next = uuid_new();
        cr_assert(order(last, next) < 0);
        cr_assert(next.bytes[6] >> 4 == 7 && next.bytes[8] >> 6 == 2);
        last = next;
    }
}

Test(uuid, only_grows_when_the_clock_is_set_back)
{
    struct uuid before = uuid_new();

    clock_shift(-3600000);
    struct uuid after = uuid_new();
    cr_expect(order(before, after) < 0);
    cr_expect(ms_of(after) - ms_of(before) <= 1);
}

/* RFC 9562 appendix A.6 */
Test(uuid, text_and_bytes_are_each_others_inverse)
{
    static const uint8_t bytes[16] = { 0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3,
                                       0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f };
    char text[UUID_LEN + 1];
    struct uuid u;

    cr_assert(uuid_parse(STR("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &u));
    cr_expect_arr_eq(u.bytes, bytes, 16);
    cr_expect_str_eq(uuid_text(text, u).at, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    cr_expect(uuid_eq(u, u) && !uuid_is_nil(u));
    cr_assert(uuid_parse(STR("00000000-0000-0000-0000-000000000000"), &u));
    cr_expect(uuid_is_nil(u));
}

/* J-031 */
Test(uuid, refuses_every_other_way_to_write_one)
{
    static const char *const bad[] = {
        "",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
        "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
        "urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "017f22e279b07cc398c4dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2079b007cc3098c40dc0c0c07398f",
        "017f22e-279b0-7cc3-98c4-dc0c0c07398f",
        " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "' OR 1=1; DROP TABLE accounts; -----",
    };
    struct uuid u = { { 1 } };

    for (size_t i = 0; i < COUNT(bad); i++)
        cr_expect_not(uuid_parse(str_of(bad[i]), &u), "%s", bad[i]);
    cr_expect(u.bytes[0] == 1, "a refused text leaves the value alone");
}
