/* signer.h - signatures for JWS (RFC 7515, 7518, 8037), by two back ends.
 *
 * A key is made for one algorithm and never signs or verifies for another. The
 * back end is libcrypto where the build found it (`-Dsigner=auto`), else
 * mbedTLS, which has no EdDSA. Pure CPU on the caller's thread: RS256 about
 * 0.25 ms with libcrypto, 3.2 ms with mbedTLS; ES256 23 and 250 microseconds.
 * signer_generate of an RSA key takes 0.1 s and more: call it on a pool thread.
 */
#ifndef DRIVER_SIGNER_H
#define DRIVER_SIGNER_H

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"

#define SIGNATURE_MAX 512 /* RSA-4096 */

struct signer_key; /* opaque; owned by whoever made it */

/* A public key as members of a JWK; base64url text in an arena. */
struct jwk {
    enum alg alg;
    struct str n, e; /* RSA */
    struct str x, y; /* EC P-256: both; OKP Ed25519: x */
};

const char *alg_name(enum alg a);               /* "RS256" */
bool alg_parse(struct str name, enum alg *out); /* exact, case-sensitive */
bool signer_supports(enum alg a);
const char *signer_backend(void); /* "openssl" or "mbedtls" */
/* For tests: which one makes and imports keys from now on; false: not built in. */
bool signer_force(const char *backend);

struct signer_key *signer_generate(enum alg a); /* not HS256; NULL: not supported */
/* PKCS#8 DER, as signer_export wrote it (of either back end). The imports answer
 * E_NOT_IMPLEMENTED: the back end lacks the algorithm; E_BAD_VALUE: no such key,
 * or not an acceptable one. */
enum err signer_import(enum alg a, struct str pkcs8, struct signer_key **out);
struct str signer_export(struct arena *a, const struct signer_key *key);
/* Verifies only. Refuses (T-026, T-027) RSA moduli that are even, not of 2048 to
 * 4096 bits in whole octets, or of CVE-2017-15361; exponents that are even or
 * outside 65537 <= e < 2^32; points off P-256; Ed25519 keys of small order or not
 * in canonical form; wrong lengths, leading zeros, padding, spare bits. */
enum err signer_import_jwk(const struct jwk *jwk, struct signer_key **out);
/* HS256; at least 32 bytes. The key is copied. */
enum err signer_import_secret(struct str secret, struct signer_key **out);
void signer_free(struct signer_key *key); /* wipes */

enum alg signer_alg(const struct signer_key *key);
void signer_public(struct arena *a, const struct signer_key *key, struct jwk *out); /* not HS256 */
/* RFC 7638 thumbprint, base64url of SHA-256; 43 characters. */
struct str jwk_thumbprint(struct arena *a, const struct jwk *jwk);

/* JWS signature bytes: RSA as long as the modulus, ES256 64 (r || s), EdDSA 64,
 * HS256 32. Returns the length. */
size_t signer_sign(const struct signer_key *key, struct str data, uint8_t out[SIGNATURE_MAX]);
/* Exact lengths only. OK or E_BAD_TOKEN. */
enum err signer_verify(const struct signer_key *key, struct str data, struct str signature);

#endif
