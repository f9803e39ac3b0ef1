/* address.h - e-mail addresses (RFC 5321, 6531), and when two are the same.
 *
 * The canonical form is what is unique in the store: the local part in NFC and
 * case-folded, the domain as lower-case A-labels. Plus-tags and dots are left
 * alone: what they mean is the receiving host's affair.
 */
#ifndef CORE_ADDRESS_H
#define CORE_ADDRESS_H

#include "run/ctx.h"

#define ADDRESS_BYTES_MAX 254 /* RFC 5321 4.5.3.1.3, less the angle brackets */
#define ADDRESS_LOCAL_MAX 64  /* RFC 5321 4.5.3.1.1 */

struct address {
    struct str display; /* as typed */
    struct str canonical;
};

/* One dot-atom, one '@', a domain with at least two labels. E_BAD_VALUE and a
 * detail ("email", "invalid_format") for anything else: quoted local parts,
 * comments, address literals, single-label domains, spaces around it,
 * characters that cannot be seen, and characters that pass for one with a
 * meaning here (the full-width '@'). Texts live in the arena. */
enum err address_read(struct ctx *ctx, struct str typed, struct address *out);

#endif
