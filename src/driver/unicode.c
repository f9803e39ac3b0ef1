/* unicode.c - utf8proc without its malloc, and libidn2 with distrust.
 *
 * utf8proc_map would leave copies of passwords behind in the heap, so text is
 * decomposed into the caller's arena and composed in place. ASCII, which is
 * nearly all there is, never gets that far.
 *
 * What libidn2 answers is checked again, label by label (RFC 1123 2.1, RFC
 * 5891 4.2.3): the rules for plain ASCII differ from version to version.
 */
#include "driver/unicode.h"

#include "base/must.h"

#include <idn2.h>
#include <utf8proc.h>

enum { HOST_MAX = 253, LABEL_MAX = 63 };

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] & 0x80) return false;
    return true;
}

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static struct str lower_copy(struct arena *a, struct str s)
{
    char *lower = arena_alloc(a, s.len + 1, 1);

    for (size_t i = 0; i < s.len; i++) lower[i] = ascii_lower(s.at[i]);
    return str_span(lower, s.len);
}

/* Takes one code point off the head of `*s`, or -1 when it is not UTF-8. */
static int32_t next(struct str *s)
{
    utf8proc_int32_t code;
    utf8proc_ssize_t took =
        utf8proc_iterate((const utf8proc_uint8_t *)s->at, (utf8proc_ssize_t)s->len, &code);

    if (took <= 0) return -1;
    *s = str_from(*s, (size_t)took);
    return code;
}

static int32_t next_valid(struct str *s)
{
    int32_t code = next(s);
    must(code >= 0);
    return code;
}

bool utf8_valid(struct str s)
{
    while (s.len > 0)
        if (next(&s) < 0) return false;
    return true;
}

size_t utf8_length(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) n += (s.at[i] & 0xC0) != 0x80;
    return n;
}

static enum err normalize(struct arena *a, struct str s, unsigned options, struct str *out)
{
    const utf8proc_uint8_t *text = (const utf8proc_uint8_t *)s.at;
    utf8proc_ssize_t len = (utf8proc_ssize_t)s.len;
    utf8proc_option_t how = (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE | options);

    utf8proc_ssize_t points = utf8proc_decompose(text, len, NULL, 0, how);
    if (points < 0) return E_BAD_VALUE;
    /* utf8proc_reencode puts a NUL behind the text. */
    int32_t *buffer = ARENA_ARRAY(a, int32_t, points + 1);
    must(utf8proc_decompose(text, len, buffer, points, how) == points);
    utf8proc_ssize_t bytes = utf8proc_reencode(buffer, points, how);
    must(bytes >= 0);
    *out = str_span(buffer, (size_t)bytes);
    return OK;
}

enum err unicode_nfc(struct arena *a, struct str s, struct str *out)
{
    if (!is_ascii(s)) return normalize(a, s, 0, out);
    *out = arena_copy(a, s);
    return OK;
}

enum err unicode_nfkc(struct arena *a, struct str s, struct str *out)
{
    if (!is_ascii(s)) return normalize(a, s, UTF8PROC_COMPAT, out);
    *out = arena_copy(a, s);
    return OK;
}

/* Folding a text that is not in NFC would give canonical equivalents different
 * folds (U+0345 moves across other marks), so it is composed first. */
struct str unicode_casefold_nfc(struct arena *a, struct str s)
{
    struct str out;

    if (is_ascii(s)) return lower_copy(a, s);
    must(normalize(a, s, 0, &out) == OK);
    must(normalize(a, out, UTF8PROC_CASEFOLD, &out) == OK);
    return out;
}

bool unicode_is_assigned(struct str s)
{
    while (s.len > 0)
        if (utf8proc_category(next_valid(&s)) == UTF8PROC_CATEGORY_CN) return false;
    return true;
}

static bool is_printable(int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return false;
    default: return true;
    }
}

bool unicode_is_printable(struct str s)
{
    while (s.len > 0) {
        int32_t code = next(&s);
        if (code < 0 || !is_printable(code)) return false;
    }
    return true;
}

bool unicode_is_visible(struct str s)
{
    while (s.len > 0) {
        int32_t code = next(&s);
        if (code < 0 || !is_printable(code)) return false;
        if (utf8proc_category(code) == UTF8PROC_CATEGORY_ZS) return false;
        if (utf8proc_get_property(code)->ignorable) return false;
    }
    return true;
}

struct unicode_kinds unicode_kinds_in(struct str s)
{
    struct unicode_kinds kinds = { 0 };

    while (s.len > 0) {
        switch (utf8proc_category(next_valid(&s))) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LT: kinds.upper = true; break;
        case UTF8PROC_CATEGORY_LL: kinds.lower = true; break;
        case UTF8PROC_CATEGORY_ND: kinds.number = true; break;
        default: kinds.other = true;
        }
    }
    return kinds;
}

static bool is_ldh_label(struct str label)
{
    if (label.len < 1 || label.len > LABEL_MAX) return false;
    if (label.at[0] == '-' || label.at[label.len - 1] == '-') return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') return false;
    }
    return true;
}

static bool is_ldh_host(struct str host)
{
    if (host.len > HOST_MAX) return false;
    while (host.at)
        if (!is_ldh_label(str_cut(&host, '.'))) return false;
    return true;
}

/* Also for ASCII with A-labels in it: they must be what IDNA makes. */
static enum err to_ascii(struct arena *a, struct str host, struct str *ascii)
{
    const uint8_t *text = (const uint8_t *)arena_copy(a, host).at;
    uint8_t *found = NULL;

    if (idn2_lookup_u8(text, &found, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return E_BAD_VALUE;
    *ascii = lower_copy(a, str_of((const char *)found));
    idn2_free(found);
    return OK;
}

enum err idna_host(struct arena *a, struct str host, struct str *ascii)
{
    /* No name of 253 bytes takes more than that many code points. */
    if (host.len == 0 || host.len > 4 * HOST_MAX || str_find(host, '\0') >= 0) return E_BAD_VALUE;
    struct str lower = lower_copy(a, host);
    if (!is_ascii(host) || memmem(lower.at, lower.len, "xn--", 4)) TRY(to_ascii(a, host, &lower));
    if (!is_ldh_host(lower)) return E_BAD_VALUE;
    *ascii = lower;
    return OK;
}
