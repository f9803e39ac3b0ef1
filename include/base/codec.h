/* codec.h - bytes as text: base64url, base64 and hex.
 *
 * Decoders are strict: RFC 4648 alphabets, no white space, no padding for
 * base64url and for the base64 of PHC strings, spare bits zero; hex in either
 * case. They answer false, with *len 0, when the text is not exactly that or
 * its bytes do not fit.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/arena.h"

#define BASE64_LEN(n) (((n)*4 + 2) / 3)         /* unpadded text for n bytes */
#define BASE64_BYTES(len) ((size_t)(len)*3 / 4) /* most bytes in len characters */

size_t base64url_encode(char *out, struct str bytes); /* out: BASE64_LEN; no NUL */
bool base64url_decode(struct str text, void *out, size_t cap, size_t *len);
struct str base64url(struct arena *a, struct str bytes);

/* Standard alphabet without padding, as PHC strings use it. */
size_t base64_encode(char *out, struct str bytes);
bool base64_decode(struct str text, void *out, size_t cap, size_t *len);

size_t hex_encode(char *out, struct str bytes); /* out: 2 * len, lower case */
bool hex_decode(struct str text, void *out, size_t cap, size_t *len);

#endif
