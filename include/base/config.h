/* config.h - what the operator has said, once and for all.
 *
 * Filled by app/config.c from the environment, `.env` and X_FILE (SPEC 1.2);
 * everything is checked there, so readers can trust the values. Texts live as
 * long as the process. Later floors get the values they need at their start;
 * only what SIGHUP may change is read here each time.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/log.h"

enum environment { DEVELOPMENT, STAGING, PRODUCTION, TESTING };
enum alg { ALG_RS256, ALG_PS256, ALG_ES256, ALG_EDDSA, ALG_HS256, ALG_COUNT };

struct config {
    enum environment environment;
    bool debug;
    struct str host;          /* address to listen on */
    int port;                 /* 0: any free one */
    struct str public_url;    /* the issuer, no trailing slash */
    struct str allowed_hosts; /* further names for Host, separated by commas */

    struct str database_path; /* SQLite file, from DATABASE_URL or DATA_DIR */
    struct str data_dir;
    struct secret master_key; /* empty: DATA_DIR/master.key, made at the first start */
    struct str admin_email;
    struct secret admin_password; /* empty: made and printed once */

    enum alg jwt_algorithm;
    struct secret jwt_secret_key; /* HS256 only */
    int access_token_ttl_s;
    int64_t refresh_idle_ms;     /* 30 days */
    int64_t refresh_absolute_ms; /* 90 days */
    int64_t refresh_grace_ms;    /* 30 s; 0 to 300 s */

    int password_min_length; /* code points */
    bool password_require_uppercase, password_require_numbers, password_require_special;
    int argon2_memory_kib, argon2_time_cost, argon2_parallelism;
    int argon2_concurrency; /* lanes; default: cores of this process */

    enum log_level log_level;
    bool log_json;
    struct str log_file; /* empty: stderr */
};

extern struct config config; /* set before anything else starts */

#endif
