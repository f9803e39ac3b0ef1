/* password_phc.c - the PHC string format, as far as argon2id uses it.
 *
 * https://github.com/P-H-C/phc-string-format: one spelling for one value, so
 * decimals have no leading zeros, base64 has no padding and no spare bits, the
 * parameters come in the order m, t, p, and nothing is optional. Version 19
 * (1.3) only.
 */
#include "base/codec.h"
#include "base/must.h"
#include "driver/password.h"

enum { SALT_MIN = 8, HASH_MIN = 16 };

bool argon2_params_allowed(struct argon2_params p)
{
    return p.parallelism >= 1 && p.parallelism <= ARGON2_PARALLELISM_MAX && p.time_cost >= 1 &&
           p.time_cost <= ARGON2_TIME_COST_MAX && p.memory_kib >= 8 * p.parallelism &&
           p.memory_kib <= ARGON2_MEMORY_KIB_MAX;
}

/* Cuts "m=19456" from the head of `*list`. */
static bool take_number(struct str *list, struct str name, uint32_t *out)
{
    struct str item = str_cut(list, ',');
    uint64_t n;

    if (!item.at || !str_starts(item, name)) return false;
    if (!str_u64(str_from(item, name.len), &n) || n > UINT32_MAX) return false;
    *out = (uint32_t)n;
    return true;
}

static bool params_read(struct str list, struct argon2_params *out)
{
    return take_number(&list, STR("m="), &out->memory_kib) &&
           take_number(&list, STR("t="), &out->time_cost) &&
           take_number(&list, STR("p="), &out->parallelism) && !list.at &&
           argon2_params_allowed(*out);
}

static bool bytes_read(struct str text, size_t least, uint8_t out[64], size_t *len)
{
    return text.at && text.len <= BASE64_LEN(64) && base64_decode(text, out, 64, len) &&
           *len >= least;
}

enum err phc_parse(struct str text, struct phc *out)
{
    const struct str head = STR("$argon2id$v=19$");
    struct phc phc = { 0 };

    if (!text.at || text.len > PHC_MAX || !str_starts(text, head)) return E_BAD_VALUE;
    text = str_from(text, head.len);
    if (!params_read(str_cut(&text, '$'), &phc.params)) return E_BAD_VALUE;
    if (!text.at || !bytes_read(str_cut(&text, '$'), SALT_MIN, phc.salt, &phc.salt_len))
        return E_BAD_VALUE;
    if (!bytes_read(text, HASH_MIN, phc.hash, &phc.hash_len)) return E_BAD_VALUE;
    *out = phc;
    return OK;
}

struct str phc_format(struct arena *a, const struct phc *phc)
{
    char salt[BASE64_LEN(sizeof phc->salt)], hash[BASE64_LEN(sizeof phc->hash)];
    struct str salt64 = str_span(salt, base64_encode(salt, str_span(phc->salt, phc->salt_len)));
    struct str hash64 = str_span(hash, base64_encode(hash, str_span(phc->hash, phc->hash_len)));

    return arena_fmt(a, "$argon2id$v=19$m=%u,t=%u,p=%u$" STR_FMT "$" STR_FMT,
                     phc->params.memory_kib, phc->params.time_cost, phc->params.parallelism,
                     STR_ARG(salt64), STR_ARG(hash64));
}
