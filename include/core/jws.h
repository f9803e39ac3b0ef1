/* jws.h - JSON Web Signatures in compact form (RFC 7515), strictly.
 *
 * Reading goes in three steps, so that nothing is believed before its turn:
 * jws_parse looks at the form and the header, the caller finds the key that
 * the header's kid names and jws_verify asks that key, claims_read opens the
 * payload. Whatever is wrong is E_BAD_TOKEN. What is read lives in the arena
 * or in the token.
 */
#ifndef CORE_JWS_H
#define CORE_JWS_H

#include "base/json_view.h"
#include "driver/signer.h"

#define JWS_MAX 8192    /* characters; longer ones are refused unread */
#define JWS_KID_MAX 128 /* bytes */

/* Members that name or carry keys (jwk, jku, x5c, x5u) are never looked at. */
struct jws_header {
    enum alg alg;
    struct str kid, typ; /* STR_NONE: not given */
};

struct jws {
    struct jws_header header;
    struct str signed_part; /* of the token */
    struct str payload, signature;
};

enum err jws_parse(struct arena *a, struct str token, struct jws *out);
/* Only for the algorithm that both the key and the header are of. */
enum err jws_verify(const struct jws *jws, const struct signer_key *key);

/* The first segment, to be made once for each key; `typ` is trusted text. */
struct str jws_header_for(struct arena *a, const struct signer_key *key, struct str kid,
                          const char *typ);
struct str jws_sign(struct arena *a, const struct signer_key *key, struct str header,
                    struct str payload);

struct claims {
    struct json_view object;
};

/* The payload is one strict JSON object. */
enum err claims_read(struct arena *a, struct str payload, struct claims *out);

/* Texts are not empty. Times are whole seconds since 1970, 0 or
 * more. Texts may also be one text (`aud`, RFC 7519 4.1.3), and are not none. */
enum err claim_text(const struct claims *c, const char *name, struct str *out);
enum err claim_time(const struct claims *c, const char *name, int64_t *out_s);
enum err claim_texts(struct arena *a, const struct claims *c, const char *name,
                     struct json_texts *out);

#endif
