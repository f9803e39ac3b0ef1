/* log.h - one line per event: a dotted name that never changes, then pairs.
 *
 *     log_info(ctx, "login.ok", KV("account", id), KV("session", sid));
 *
 * The first argument is anything with a `request_id` member (a struct ctx), or
 * LOG_NONE. What a value is decides how it prints: a secret is "***", a token
 * its first 10 characters, text is escaped; prose and full addresses have no
 * place here. The part of the event before the first dot is the `logger`.
 *
 * Lines go to a bounded ring that a thread of its own empties, so a blocked
 * pipe or a full disk never stops the loop: lines that find no room are
 * counted and the count is logged when there is room again ("log.dropped").
 * Before log_start and after log_stop lines are written at once. A line has at
 * most 4 KiB: long texts end in "…", pairs that found no room in "cut".
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_CRITICAL };

#define LOG_TOKEN_SHOWN 10 /* characters; of a token no longer than this, none */

struct log_pair {
    const char *key;
    enum { KV_TEXT, KV_INT, KV_BOOL, KV_UUID, KV_SECRET, KV_TOKEN, KV_ERR } type;
    union {
        struct str text;
        int64_t number;
        struct uuid uuid;
    };
};

struct log_context {
    struct str request_id;
};
extern const struct log_context log_none;
#define LOG_NONE (&log_none)

#define KV(key, value) \
    _Generic((value),                                                                              \
        struct str: kv_text,                                                                       \
        char *: kv_cstring,                                                                        \
        const char *: kv_cstring,                                                                  \
        bool: kv_bool,                                                                             \
        struct uuid: kv_uuid,                                                                      \
        struct secret: kv_secret,                                                                  \
        struct token: kv_token,                                                                    \
        enum err: kv_err,                                                                          \
        default: kv_int)(key, value)

struct log_pair kv_text(const char *key, struct str v);
struct log_pair kv_cstring(const char *key, const char *v);
struct log_pair kv_bool(const char *key, bool v);
struct log_pair kv_int(const char *key, int64_t v);
struct log_pair kv_uuid(const char *key, struct uuid v);
struct log_pair kv_secret(const char *key, struct secret v);
struct log_pair kv_token(const char *key, struct token v);
struct log_pair kv_err(const char *key, enum err v);

extern _Atomic(enum log_level) log_level; /* of this process; set by log_set_level */

#define log_at(level, where, event, ...)                                       \
    do {                                                                       \
        if ((level) >= log_level)                                              \
            log_write((level), (where)->request_id, (event),                   \
                      (struct log_pair[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } }); \
    } while (0)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_critical(...) log_at(LOG_CRITICAL, __VA_ARGS__)

/* `pairs` ends with one whose key is NULL. */
void log_write(enum log_level level, struct str request_id, const char *event,
               const struct log_pair *pairs);

void log_set_level(enum log_level level);
void log_set_format(bool json); /* else text for people */
/* To a file (appended, 0640; reopened by log_reopen) or, with NULL, stderr.
 * E_INTERNAL: it cannot be opened, errno says why. Before log_start only. */
enum err log_open(const char *path);
void log_reopen(void);
void log_start(void);       /* starts the thread, or ends the process */
void log_stop(void);        /* waits up to a second for the ring to empty */
uint64_t log_dropped(void); /* lines since the start */

#endif
