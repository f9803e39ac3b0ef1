/* Four characters for three bytes, two for one. The decoding tables hold a
 * character's value plus one, so that zero means "not in the alphabet"; the
 * values of a whole group are joined with `or` and judged once. */
#include "base/codec.h"

/* clang-format off */
#define ALPHABET(c62, c63) {                                                                       \
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,         \
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,  \
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, \
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, \
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, \
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, \
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, \
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, [c62] = 63, [c63] = 64 }
/* clang-format on */

static const uint8_t from_url[256] = ALPHABET('-', '_');
static const uint8_t from_std[256] = ALPHABET('+', '/');
static const char to_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char to_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char to_hex[] = "0123456789abcdef";

static size_t encode(const char *to, char *out, struct str bytes)
{
    const uint8_t *in = (const uint8_t *)bytes.at;
    size_t left = bytes.len;
    char *start = out;

    for (; left >= 3; left -= 3, in += 3) {
        uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *out++ = to[group >> 18];
        *out++ = to[group >> 12 & 63];
        *out++ = to[group >> 6 & 63];
        *out++ = to[group & 63];
    }
    if (left) {
        uint32_t group = (uint32_t)in[0] << 16 | (left == 2 ? (uint32_t)in[1] << 8 : 0);
        *out++ = to[group >> 18];
        *out++ = to[group >> 12 & 63];
        if (left == 2) *out++ = to[group >> 6 & 63];
    }
    return (size_t)(out - start);
}

/* The last two or three characters: their spare bits must be zero, or one
 * value would have several texts (RFC 4648 3.5). */
static bool decode_tail(const uint8_t *from, const uint8_t *in, size_t left, uint8_t *out)
{
    uint32_t group = 0;

    for (size_t i = 0; i < left; i++) {
        if (!from[in[i]]) return false;
        group = group << 6 | (uint32_t)(from[in[i]] - 1);
    }
    if (left == 2) {
        out[0] = (uint8_t)(group >> 4);
        return (group & 15) == 0;
    }
    out[0] = (uint8_t)(group >> 10);
    out[1] = (uint8_t)(group >> 2);
    return (group & 3) == 0;
}

static bool decode(const uint8_t *from, struct str text, uint8_t *out, size_t cap, size_t *len)
{
    const uint8_t *in = (const uint8_t *)text.at;
    size_t left = text.len;

    *len = 0;
    if (left % 4 == 1 || BASE64_BYTES(left) > cap) return false;
    for (; left >= 4; left -= 4, in += 4, out += 3) {
        /* An absent character wraps to 0xffffffff, which fills the high bits. */
        uint32_t a = from[in[0]] - 1u, b = from[in[1]] - 1u;
        uint32_t c = from[in[2]] - 1u, d = from[in[3]] - 1u;
        if ((a | b | c | d) > 63) return false;
        out[0] = (uint8_t)(a << 2 | b >> 4);
        out[1] = (uint8_t)(b << 4 | c >> 2);
        out[2] = (uint8_t)(c << 6 | d);
    }
    if (left && !decode_tail(from, in, left, out)) return false;
    *len = BASE64_BYTES(text.len);
    return true;
}

size_t base64url_encode(char *out, struct str bytes)
{
    return encode(to_url, out, bytes);
}

bool base64url_decode(struct str text, void *out, size_t cap, size_t *len)
{
    return decode(from_url, text, out, cap, len);
}

struct str base64url(struct arena *a, struct str bytes)
{
    size_t len = BASE64_LEN(bytes.len);
    char *out = arena_alloc(a, len + 1, 1);
    return str_span(out, encode(to_url, out, bytes));
}

size_t base64_encode(char *out, struct str bytes)
{
    return encode(to_std, out, bytes);
}

bool base64_decode(struct str text, void *out, size_t cap, size_t *len)
{
    return decode(from_std, text, out, cap, len);
}

size_t hex_encode(char *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = (uint8_t)bytes.at[i];
        out[2 * i] = to_hex[byte >> 4];
        out[2 * i + 1] = to_hex[byte & 15];
    }
    return 2 * bytes.len;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool hex_decode(struct str text, void *out, size_t cap, size_t *len)
{
    uint8_t *byte = out;

    *len = 0;
    if (text.len % 2 || text.len / 2 > cap) return false;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_digit(text.at[i]), low = hex_digit(text.at[i + 1]);
        if (high < 0 || low < 0) return false;
        *byte++ = (uint8_t)(high << 4 | low);
    }
    *len = text.len / 2;
    return true;
}
