/* unicode.h - text from people: UTF-8, NFC, code points, host names. On
 * utf8proc and libidn2.
 */
#ifndef DRIVER_UNICODE_H
#define DRIVER_UNICODE_H

#include "base/arena.h"
#include "base/err.h"

bool utf8_valid(struct str s);    /* RFC 3629: no overlongs, surrogates, beyond 10FFFF */
size_t utf8_length(struct str s); /* code points; s is valid */

/* NFC and NFKC (UAX 15). E_BAD_VALUE: not UTF-8. */
enum err unicode_nfc(struct arena *a, struct str s, struct str *out);
enum err unicode_nfkc(struct arena *a, struct str s, struct str *out);
struct str unicode_casefold_nfc(struct arena *a, struct str s); /* s is valid */

/* Every code point has a meaning in the Unicode of the library: its normal form
 * can never change (UAX 15 12, stabilized strings). */
bool unicode_is_assigned(struct str s);
/* No control, format (zero width, bidi override), private, unassigned or
 * surrogate characters, no line breaks: fit to be shown on one line. */
bool unicode_is_printable(struct str s);
/* Printable, and every character can be seen: no spaces, nothing that is
 * ignorable by default (fillers, variation selectors). */
bool unicode_is_visible(struct str s);

struct unicode_kinds {
    bool upper, lower, number, other;
};
struct unicode_kinds unicode_kinds_in(struct str s); /* letters by case, Nd, all else */

/* IDNA2008 after the mapping of UTS 46, non-transitional: lower-case A-labels,
 * letters, digits and hyphens, at most 253 bytes, no dot at the end. E_BAD_VALUE. */
enum err idna_host(struct arena *a, struct str host, struct str *ascii);

#endif
