/* uuid.h - identifiers: UUIDv7 (RFC 9562 5.7), ordered by the time they were
 * made: those of one thread only ever increase, also within one millisecond and
 * when the wall clock is set back.
 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/str.h"

struct uuid {
    uint8_t bytes[16];
};

#define UUID_LEN 36
#define UUID_NIL ((struct uuid){ { 0 } })

struct uuid uuid_new(void);
bool uuid_eq(struct uuid a, struct uuid b);
bool uuid_is_nil(struct uuid u);
struct str uuid_text(char out[UUID_LEN + 1], struct uuid u); /* lower case */

/* Exactly 36 characters, 8-4-4-4-12, either case; no braces, no urn:. */
bool uuid_parse(struct str text, struct uuid *out);

#endif
