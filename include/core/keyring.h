/* keyring.h - the keys that sign access tokens, and what is published of them.
 *
 * Keys live in the store, sealed under the master key, and in the memory of
 * each process, reloaded when the change feed says so. States: next (published,
 * signs nothing yet), active (signs), retiring (verifies what it signed),
 * retired (gone from the JWKS; its tokens are refused). HS256 uses the
 * configured secret instead and publishes nothing.
 */
#ifndef CORE_KEYRING_H
#define CORE_KEYRING_H

#include "driver/signer.h"
#include "driver/store.h"

#define KEYRING_MAX 32 /* keys that are not retired; more are refused */

struct keyring_key {
    struct str kid;
    enum alg alg;
    struct signer_key *key;
    struct str header; /* base64url JWS header of an access token, made once */
};

/* `secret` for HS256. Loads what is stored; with `create`, makes and stores an
 * active key for `alg` when there is none. E_BAD_CREDENTIAL: a stored key does
 * not open under this master key. */
SUSPENDS enum err keyring_start(struct ctx *ctx, enum alg alg, struct secret secret, bool create);
void keyring_stop(void);

/* Borrowed until the next wait. */
const struct keyring_key *keyring_active(void);
const struct keyring_key *keyring_find(struct str kid); /* not retired; or NULL */

/* Keeps the active key while the caller waits: a reload spares it till then. */
struct keyring_lease {
    struct ring *ring;             /* NULL: there is no active key */
    const struct keyring_key *key; /* borrowed until keyring_return */
};
struct keyring_lease keyring_lease(void);
void keyring_return(struct keyring_lease *lease); /* CLEANUP-able */

uint64_t keyring_version(void); /* grows when a key may have gone */

/* RFC 7517 set of the public keys, and its ETag with quotes; borrowed until the
 * next wait. */
struct str keyring_jwks(void);
struct str keyring_etag(void);

/* For `postern key`. States as words. */
struct key_info {
    struct str kid, alg, state;
    int64_t created_at, activated_at, retiring_at; /* 0: not yet */
};
SUSPENDS enum err keyring_list(struct ctx *ctx, struct key_info **out, size_t *count);
/* A key in state next. E_CONFLICT: there is one for that algorithm already. */
SUSPENDS enum err keyring_generate(struct ctx *ctx, enum alg alg, struct str *kid);
/* next becomes active (one is made when there is none), active becomes retiring. */
SUSPENDS enum err keyring_rotate(struct ctx *ctx, enum alg alg, struct str *kid);
/* At once. E_NOT_FOUND; E_CONFLICT: it is active; with `force` a successor takes
 * over first. */
SUSPENDS enum err keyring_retire(struct ctx *ctx, struct str kid, bool force);

/* The installation belongs to one master key: remembers its fingerprint at the
 * first call, E_BAD_CREDENTIAL when it is another one. */
SUSPENDS enum err keyring_check_master(struct ctx *ctx);

#endif
