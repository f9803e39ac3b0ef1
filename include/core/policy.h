/* policy.h - which passwords are good enough, and which bytes a password is.
 *
 * A password is its NFC (SPEC 2.1); nothing else about it is touched. At most
 * PASSWORD_BYTES_MAX bytes, typed and in NFC, are ever hashed.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include "run/ctx.h"

/* For a password that is to be tried: no policy. E_BAD_VALUE: not UTF-8, or too long. */
enum err policy_normalize(struct ctx *ctx, struct secret typed, struct secret *normalized);

/* For one that is to be set: policy_normalize, then the policy of the configuration.
 * E_WEAK_PASSWORD with a detail for each rule that is broken: too_short, too_long,
 * invalid_character, needs_uppercase, needs_number, needs_special, too_common,
 * contains_email, repeated, sequence. `field` ("password") names the member, static. */
enum err policy_check(struct ctx *ctx, const char *field, struct secret typed,
                      struct str email_canonical, struct secret *normalized);

#endif
