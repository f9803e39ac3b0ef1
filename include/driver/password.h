/* password.h - argon2id (RFC 9106) in a bounded lane, as PHC strings.
 *
 * Each slot of the lane owns its memory: mapped at the start, 2 MiB aligned,
 * advised huge, touched at first use, kept out of core dumps, wiped and handed
 * back after a minute of idleness. Nothing read back from a database is
 * trusted: parameters beyond the caps are refused before any allocation.
 */
#ifndef DRIVER_PASSWORD_H
#define DRIVER_PASSWORD_H

#include "base/config.h"
#include "run/ctx.h"
#include "run/gate.h"

#define PASSWORD_BYTES_MAX 1024
#define PHC_MAX 256

/* The caps, for what is configured and for what is stored: a login that needs
 * more than these is an attack or a mistake. Memory is at least 8 KiB for each
 * lane of `parallelism` (RFC 9106 3.1). */
#define ARGON2_MEMORY_KIB_MAX (256 * 1024)
#define ARGON2_TIME_COST_MAX 16
#define ARGON2_PARALLELISM_MAX 16

struct argon2_params {
    uint32_t memory_kib, time_cost, parallelism;
};

bool argon2_params_allowed(struct argon2_params params);

/* Lanes, their memory, the decoy. `queue_max` waiters, 500 ms each.
 * E_BAD_VALUE: parameters beyond the caps; E_OVERLOADED: no such memory. */
enum err password_start(struct argon2_params wanted, unsigned lanes, unsigned queue_max);
void password_stop(void);          /* when nobody is inside any more; wipes and unmaps */
struct gate *password_gate(void);  /* for its figures */
const char *password_kernel(void); /* "avx512", "avx2", "sse2", ... */

/* A new hash with the parameters in force and 16 random salt bytes. E_OVERLOADED,
 * E_CANCELED, E_TIMED_OUT: the lane; E_OVERLOADED too when memory is short,
 * E_CANCELED too when the client went while the hash was being made. */
SUSPENDS enum err password_hash(struct ctx *ctx, struct secret password, struct secret *phc);

/* OK: it matches; `*upgrade` says that the hash has other parameters than those
 * in force. E_BAD_CREDENTIAL: it does not. `phc` absent: an unknown account, the
 * same work is done against a decoy and the answer is E_BAD_CREDENTIAL. A hash
 * that is malformed or beyond the caps does the decoy's work too, is logged
 * ("password.bad_hash") and answers E_BAD_CREDENTIAL. A hash with other
 * parameters takes the time they ask for, until it is upgraded. */
SUSPENDS enum err password_check(struct ctx *ctx, struct secret phc, struct secret password,
                                 bool *upgrade);

/* "$argon2id$v=19$m=19456,t=2,p=1$salt$hash" taken apart, strictly; parameters,
 * salt (8 to 64 bytes) and hash (16 to 64 bytes) within the caps, or E_BAD_VALUE
 * and `*out` is as it was. */
struct phc {
    struct argon2_params params;
    uint8_t salt[64], hash[64];
    size_t salt_len, hash_len;
};
enum err phc_parse(struct str text, struct phc *out);
struct str phc_format(struct arena *a, const struct phc *phc);

/* Milliseconds one hash takes here, the mean of `rounds`; blocks. INFINITY: the
 * memory is not to be had. For `postern calibrate`. */
double password_measure(struct argon2_params params, unsigned rounds);

extern uint64_t password_idle_ms; /* a minute; tests shorten it before the start */

#endif
