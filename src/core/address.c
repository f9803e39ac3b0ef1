#include "core/address.h"

#include "driver/unicode.h"

/* RFC 5322 3.2.3 atext, and everything beyond ASCII (RFC 6531 3.3). */
static bool is_atext(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c & 0x80) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_atom(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_atext(s.at[i])) return false;
    return s.len > 0;
}

static bool is_dot_atom(struct str s)
{
    while (s.at)
        if (!is_atom(str_cut(&s, '.'))) return false;
    return true;
}

/* What NFKC makes of it must be a dot-atom too: no character may pass for an
 * '@', a dot or a quote. */
static enum err local_read(struct arena *a, struct str typed, struct str *nfc)
{
    struct str plain;

    if (!is_dot_atom(typed) || !unicode_is_visible(typed)) return E_BAD_VALUE;
    TRY(unicode_nfkc(a, typed, &plain));
    if (!is_dot_atom(plain)) return E_BAD_VALUE;
    TRY(unicode_nfc(a, typed, nfc));
    return nfc->len <= ADDRESS_LOCAL_MAX ? OK : E_BAD_VALUE;
}

static bool is_number(struct str label)
{
    for (size_t i = 0; i < label.len; i++)
        if (label.at[i] < '0' || label.at[i] > '9') return false;
    return true;
}

/* A last label of digits only would be an IPv4 address (RFC 3696 2). */
static enum err domain_read(struct arena *a, struct str typed, struct str *ascii)
{
    struct str rest, label;

    TRY(idna_host(a, typed, ascii));
    rest = *ascii;
    (void)str_cut(&rest, '.');
    if (!rest.at) return E_BAD_VALUE;
    while (rest.at) label = str_cut(&rest, '.');
    return is_number(label) ? E_BAD_VALUE : OK;
}

static enum err read_parts(struct arena *a, struct str typed, struct address *out)
{
    struct str domain = typed, local = str_cut(&domain, '@'), ascii, nfc;

    if (!domain.at || typed.len > ADDRESS_BYTES_MAX) return E_BAD_VALUE;
    TRY(local_read(a, local, &nfc));
    TRY(domain_read(a, domain, &ascii));
    if (nfc.len + 1 + ascii.len > ADDRESS_BYTES_MAX) return E_BAD_VALUE;

    struct str folded = unicode_casefold_nfc(a, nfc);
    out->display = arena_copy(a, typed);
    out->canonical = arena_fmt(a, STR_FMT "@" STR_FMT, STR_ARG(folded), STR_ARG(ascii));
    return OK;
}

enum err address_read(struct ctx *ctx, struct str typed, struct address *out)
{
    enum err e = read_parts(ctx->arena, typed, out);

    if (e != OK)
        details_add(&ctx->details, STR("email"), "invalid_format",
                    STR("This is not an e-mail address that can be used."));
    return e;
}
