/* A line is made on the caller's thread, in a buffer of that thread, and copied
 * into a ring under a mutex that is held for the copy only. The writer thread
 * writes what has piled up with the mutex free and then lets go of it, so
 * however long a write may take, nobody but the writer waits for it.
 *
 * While lines keep coming the writer naps between two writes and nobody needs
 * to wake it: logging costs the loop no system call. After a while without
 * lines it sleeps until the next one wakes it.
 *
 * A write that fails is tried again, for ever and from the same byte: a disk
 * that was full or a reader that had stopped loses only what found no room in
 * the ring meanwhile, and that is counted and told. */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_BYTES = 4096, /* with its newline; what a pipe takes whole (PIPE_BUF) */
    TEXT_BYTES = 1024, /* of one value, escaped */
    BARE_BYTES = 128,  /* of a value without quotes, in the format for people */
    TAIL_BYTES = 16,   /* of a line, kept for the mark that it was cut, and its end */

    RING_BYTES = 256 * 1024,
    RING_HIGH = RING_BYTES / 2, /* a ring that is fuller ends the writer's nap */
    WRITE_BYTES = 32 * 1024,    /* in one write */

    NAP_MS = 15,
    NAPS = 16,         /* in vain, before the writer falls asleep */
    RETRY_MS = 50,     /* after a write that failed */
    PATIENCE_MS = 100, /* for a line that is written at once */
    STOP_MS = 1000,
};

enum writer { NOT_RUNNING, WORKING, NAPPING, RETRYING, ASLEEP };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t wake, ended; /* for the writer; for log_stop */
    pthread_t thread;
    enum writer writer;
    bool stop, reopen;      /* asked of the writer */
    uint64_t head, tail;    /* bytes ever put in, ever written */
    uint64_t dropped, told; /* lines ever dropped; of those, told as "log.dropped" */
    char bytes[RING_BYTES];
} ring = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static int fd = STDERR_FILENO; /* the writer's own while it runs */
static char *file;             /* owned; NULL: stderr */
static bool as_json, coloured;

const struct log_context log_none = { STR_INIT("") };
_Atomic(enum log_level) log_level = LOG_INFO;

/* --- pairs ------------------------------------------------------------------ */

struct log_pair kv_text(const char *key, struct str v)
{
    return (struct log_pair){ .key = key, .type = KV_TEXT, .text = v };
}

struct log_pair kv_cstring(const char *key, const char *v)
{
    return kv_text(key, str_of(v));
}

struct log_pair kv_bool(const char *key, bool v)
{
    return (struct log_pair){ .key = key, .type = KV_BOOL, .number = v };
}

struct log_pair kv_int(const char *key, int64_t v)
{
    return (struct log_pair){ .key = key, .type = KV_INT, .number = v };
}

struct log_pair kv_uuid(const char *key, struct uuid v)
{
    return (struct log_pair){ .key = key, .type = KV_UUID, .uuid = v };
}

/* Nothing of a secret goes further than this. */
struct log_pair kv_secret(const char *key, struct secret v)
{
    (void)v;
    return (struct log_pair){ .key = key, .type = KV_SECRET };
}

struct log_pair kv_token(const char *key, struct token v)
{
    if (v.text.len <= LOG_TOKEN_SHOWN) return (struct log_pair){ .key = key, .type = KV_SECRET };
    return (
        struct log_pair){ .key = key, .type = KV_TOKEN, .text = str_upto(v.text, LOG_TOKEN_SHOWN) };
}

struct log_pair kv_err(const char *key, enum err v)
{
    return (struct log_pair){ .key = key, .type = KV_ERR, .number = (int64_t)v };
}

/* --- a line ----------------------------------------------------------------- */

/* May it stand without quotes in the format for people? */
static bool is_bare(struct str s)
{
    if (s.len == 0 || s.len > BARE_BYTES) return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] > '~' || strchr("\"\\=", s.at[i])) return false;
    return true;
}

static void add_text(struct buf *b, struct str s, const char *then)
{
    size_t taken;

    if (!s.at) {
        json_null(b);
        return;
    }
    if (!as_json && !*then && is_bare(s)) {
        buf_add(b, s);
        return;
    }
    BUF_ADD(b, "\"");
    size_t room = b->ceiling - b->len < TEXT_BYTES ? b->ceiling - b->len : TEXT_BYTES;
    char *at = buf_reserve(b, room);
    if (!at) return;
    buf_took(b, json_escape(at, room, s, &taken));
    if (taken < s.len) BUF_ADD(b, "…");
    buf_add(b, str_of(then));
    BUF_ADD(b, "\"");
}

static void add_value(struct buf *b, const struct log_pair *p)
{
    char text[UUID_LEN + 1];

    switch (p->type) {
    case KV_TEXT: add_text(b, p->text, ""); break;
    case KV_INT: json_int(b, p->number); break;
    case KV_BOOL: json_bool(b, p->number); break;
    case KV_UUID: add_text(b, uuid_text(text, p->uuid), ""); break;
    case KV_SECRET: add_text(b, STR("***"), ""); break;
    case KV_TOKEN: add_text(b, p->text, "..."); break;
    case KV_ERR:
        if (p->number > OK && p->number < ERR_COUNT)
            add_text(b, str_of(err_info((enum err)p->number)->symbol), "");
        else
            json_int(b, p->number);
        break;
    }
}

static void add_key(struct buf *b, const char *key)
{
    if (as_json) {
        json_key(b, key);
        return;
    }
    BUF_ADD(b, " ");
    buf_add(b, str_of(key));
    BUF_ADD(b, "=");
}

/* A pair that does not fit goes back out, and so do all behind it. */
static bool add_pair(struct buf *b, const struct log_pair *p)
{
    size_t before = b->len;

    add_key(b, p->key);
    add_value(b, p);
    if (!b->full) return true;
    b->len = before;
    b->full = false;
    return false;
}

static void add_head_json(struct buf *b, struct str time, const char *level, struct str request_id,
                          const char *event)
{
    struct str rest = str_of(event);

    json_begin(b);
    json_put_text(b, "timestamp", time);
    json_put_text(b, "level", str_of(level));
    json_put_text(b, "event", str_of(event));
    json_put_text(b, "request_id", request_id.len ? request_id : STR_NONE);
    json_put_text(b, "logger", str_cut(&rest, '.'));
}

static void add_head_text(struct buf *b, struct str time, const char *level, const char *colour,
                          struct str request_id, const char *event)
{
    buf_add(b, time);
    if (coloured)
        buf_fmt(b, " \033[%sm%-8s\033[0m %s", colour, level, event);
    else
        buf_fmt(b, " %-8s %s", level, event);
    if (request_id.len) {
        struct log_pair id = kv_text("request_id", request_id);
        add_pair(b, &id);
    }
}

/* In a buffer of this thread, borrowed until its next line. */
static struct str make_line(enum log_level level, struct str request_id, const char *event,
                            const struct log_pair *pairs)
{
    static const struct {
        const char *name, *colour; /* of a terminal: SGR parameters */
    } levels[] = {
        [LOG_DEBUG] = { "DEBUG", "2" },          [LOG_INFO] = { "INFO", "32" },
        [LOG_WARNING] = { "WARNING", "33" },     [LOG_ERROR] = { "ERROR", "31" },
        [LOG_CRITICAL] = { "CRITICAL", "1;31" },
    };
    static _Thread_local char line[LINE_BYTES];
    struct buf b = { .at = line, .cap = LINE_BYTES, .ceiling = LINE_BYTES - TAIL_BYTES };
    char time_text[RFC3339_LEN + 1];
    struct str time = rfc3339(time_text, wall_ms());
    bool whole = true;

    request_id = str_upto(request_id, BARE_BYTES);
    if (as_json)
        add_head_json(&b, time, levels[level].name, request_id, event);
    else
        add_head_text(&b, time, levels[level].name, levels[level].colour, request_id, event);
    for (; pairs->key && whole; pairs++) whole = add_pair(&b, pairs);

    b.ceiling = LINE_BYTES;
    if (!whole) buf_add(&b, as_json ? STR(",\"cut\":true") : STR(" …"));
    if (as_json) json_end(&b);
    BUF_ADD(&b, "\n");
    return buf_str(&b);
}

/* --- the ring --------------------------------------------------------------- */

/* Without a writer thread. What cannot take the line soon does not get it. */
static void write_now(struct str line)
{
    struct pollfd out = { .fd = fd, .events = POLLOUT };

    if (poll(&out, 1, PATIENCE_MS) != 1 || write(fd, line.at, line.len) != (ssize_t)line.len)
        ring.dropped++;
}

static bool put(struct str line)
{
    size_t at = ring.head % RING_BYTES, first = RING_BYTES - at;

    if (ring.head - ring.tail > RING_BYTES - line.len) return false;
    if (first > line.len) first = line.len;
    memcpy(ring.bytes + at, line.at, first);
    memcpy(ring.bytes, line.at + first, line.len - first);
    ring.head += line.len;
    return true;
}

/* Only the first to see the writer resting wakes it, and nobody when it waits
 * for a file that has failed. */
static void wake_writer(bool urgent)
{
    if (ring.writer == ASLEEP || (ring.writer == NAPPING && urgent)) {
        ring.writer = WORKING;
        pthread_cond_signal(&ring.wake);
    }
}

void log_write(enum log_level level, struct str request_id, const char *event,
               const struct log_pair *pairs)
{
    struct str line = make_line(level, request_id, event, pairs);

    pthread_mutex_lock(&ring.mutex);
    if (ring.writer == NOT_RUNNING)
        write_now(line);
    else if (!put(line))
        ring.dropped++;
    wake_writer(level >= LOG_ERROR || ring.head - ring.tail > RING_HIGH);
    pthread_mutex_unlock(&ring.mutex);
}

/* --- the writer thread, its functions with the mutex held ------------------- */

static struct timespec in_ms(long ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += ms % 1000 * 1000000;
    t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static void rest(enum writer how, long ms)
{
    struct timespec until = in_ms(ms);

    ring.writer = how;
    pthread_cond_timedwait(&ring.wake, &ring.mutex, &until);
    ring.writer = WORKING;
}

static void sleep_until_woken(void)
{
    ring.writer = ASLEEP;
    while (ring.writer == ASLEEP) pthread_cond_wait(&ring.wake, &ring.mutex);
}

/* Writes up to the end of the ring; what is being written cannot be overwritten
 * before `tail` moves. */
static void write_some(void)
{
    size_t at = ring.tail % RING_BYTES, len = ring.head - ring.tail;

    if (len > RING_BYTES - at) len = RING_BYTES - at;
    if (len > WRITE_BYTES) len = WRITE_BYTES;
    pthread_mutex_unlock(&ring.mutex);
    ssize_t wrote = write(fd, ring.bytes + at, len);
    pthread_mutex_lock(&ring.mutex);
    if (wrote > 0)
        ring.tail += (uint64_t)wrote;
    else
        rest(RETRYING, RETRY_MS);
}

static void tell_dropped(void)
{
    struct log_pair pairs[] = { KV("lines", ring.dropped - ring.told), { 0 } };

    if (put(make_line(LOG_WARNING, STR(""), "log.dropped", pairs))) ring.told = ring.dropped;
}

static int open_file(const char *path)
{
    /* Non-blocking: a FIFO without a reader must not stop us. */
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
}

static void reopen_file(void)
{
    ring.reopen = false;
    int fresh = file ? open_file(file) : -1;
    if (fresh < 0) return;
    close(fd);
    fd = fresh;
}

static void *write_ring(void *unused)
{
    unsigned naps = 0;

    pthread_mutex_lock(&ring.mutex);
    while (!ring.stop || ring.head != ring.tail) {
        if (ring.reopen) reopen_file();
        if (ring.told != ring.dropped) tell_dropped();
        if (ring.head != ring.tail) {
            write_some();
            naps = 0;
        } else if (naps++ < NAPS) {
            rest(NAPPING, NAP_MS);
        } else {
            sleep_until_woken();
            naps = 0;
        }
    }
    ring.writer = NOT_RUNNING;
    pthread_cond_signal(&ring.ended);
    pthread_mutex_unlock(&ring.mutex);
    return unused;
}

/* --- start and stop --------------------------------------------------------- */

void log_set_level(enum log_level level)
{
    log_level = level;
}

static void set_colour(void)
{
    coloured = !as_json && isatty(fd) && !getenv("NO_COLOR");
}

void log_set_format(bool json)
{
    as_json = json;
    set_colour();
}

/* Were one of the first three descriptors closed, the next file to be opened,
 * perhaps the database, would be written to as if it were stderr. */
static void claim_standard_descriptors(void)
{
    int got;

    do got = open("/dev/null", O_RDWR);
    while (got >= 0 && got <= STDERR_FILENO);
    if (got >= 0) close(got);
}

enum err log_open(const char *path)
{
    must(ring.writer == NOT_RUNNING);
    claim_standard_descriptors();
    int fresh = path ? open_file(path) : STDERR_FILENO;
    if (fresh < 0) return E_INTERNAL;
    if (fd != STDERR_FILENO) close(fd);
    free(file);
    fd = fresh;
    file = NULL;
    if (path) {
        file = must_alloc(strlen(path) + 1);
        strcpy(file, path);
    }
    set_colour();
    return OK;
}

void log_reopen(void)
{
    pthread_mutex_lock(&ring.mutex);
    if (ring.writer == NOT_RUNNING) {
        reopen_file();
    } else {
        ring.reopen = true;
        wake_writer(true);
    }
    pthread_mutex_unlock(&ring.mutex);
}

void log_start(void)
{
    pthread_condattr_t clock;
    sigset_t all, before;

    must(ring.writer == NOT_RUNNING);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&ring.wake, &clock);
    pthread_cond_init(&ring.ended, &clock);
    pthread_condattr_destroy(&clock);
    ring.stop = ring.reopen = false;
    ring.writer = WORKING;

    sigfillset(&all); /* signals are the loop's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&ring.thread, NULL, write_ring, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        dprintf(STDERR_FILENO, "postern: cannot start the thread of the log: %s\n",
                strerror(failed));
        _exit(EX_SOFTWARE);
    }
}

void log_stop(void)
{
    struct timespec until = in_ms(STOP_MS);
    int waited = 0;

    pthread_mutex_lock(&ring.mutex);
    bool running = ring.writer != NOT_RUNNING;
    ring.stop = true;
    wake_writer(true);
    while (ring.writer != NOT_RUNNING && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&ring.ended, &ring.mutex, &until);
    bool stuck = ring.writer != NOT_RUNNING;
    ring.writer = NOT_RUNNING;
    pthread_mutex_unlock(&ring.mutex);

    if (!running) return;
    if (stuck)
        pthread_detach(ring.thread); /* in a write that does not return */
    else
        pthread_join(ring.thread, NULL);
}

uint64_t log_dropped(void)
{
    pthread_mutex_lock(&ring.mutex);
    uint64_t lines = ring.dropped;
    pthread_mutex_unlock(&ring.mutex);
    return lines;
}
