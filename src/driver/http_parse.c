/* http_parse.c - from bytes to a request: llhttp, and what it lets through.
 *
 * The header section is gathered line by line until the empty one, and only
 * then given to llhttp, in one piece: its spans are whole, names and values
 * point into one buffer, and it does not matter how the bytes were cut on
 * their way. The request line is read by http_line.c as soon as it is there, so
 * that other protocols hear about it at once. llhttp, strict, then judges the
 * header fields and the framing of the body; behind it this file refuses what
 * llhttp is too generous about (RFC 9112 sections 3.2, 6.1, 6.3, 7.1).
 *
 * A chunked body is cut for llhttp the same way: size lines and trailers go to
 * it as whole lines, data as it comes. */
#include "http_private.h"

#include "base/clock.h"
#include "base/must.h"
#include "base/random.h"

#include <stdlib.h>

#define BLANKS_MAX 16       /* bytes of empty lines before a request */
#define POOL_MAX 256        /* exchanges kept for reuse */
#define BUF_KEEP 8192       /* larger buffers are given back between requests */
#define CHUNK_LINE_MAX 8192 /* size line or trailer */
#define CHUNK_DIGITS_MAX 16 /* 64 bits */
#define EXTENSION_BYTES_MAX 4096
#define TRAILER_BYTES_MAX 8192
#define ID_MAX 64 /* SPEC 2: X-Request-ID from outside */
#define AGENT_MAX 256

/* --- the pool --- */

static struct {
    struct exchange *free;
    unsigned count;
} pool;

/* Eight random characters for this process and eight that count. */
static void id_make(char id[HTTP_ID_LEN])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    static char prefix[HTTP_ID_LEN / 2];
    static uint64_t counter;

    if (counter == 0) {
        random_bytes(prefix, sizeof prefix);
        for (size_t i = 0; i < sizeof prefix; i++) prefix[i] = alphabet[prefix[i] & 31];
    }
    uint64_t n = ++counter;
    memcpy(id, prefix, sizeof prefix);
    for (size_t i = HTTP_ID_LEN; i > sizeof prefix; n >>= 5) id[--i] = alphabet[n & 31];
}

struct exchange *exchange_new(struct conn *c)
{
    struct exchange *x = pool.free;

    if (x) {
        pool.free = x->next;
        pool.count--;
    } else {
        x = must_zalloc(sizeof *x);
        arena_init(&x->arena, HTTP_ARENA_MAX);
        buf_init(&x->head, http_settings.request_line_max + http_settings.headers_max + 16);
        buf_init(&x->chunk_line, CHUNK_LINE_MAX);
        buf_init(&x->rq.reply.body, HTTP_REPLY_MAX);
    }
    struct buf reply = x->rq.reply.body;
    memset(x, 0, offsetof(struct exchange, arena));
    x->rq.reply.body = reply;
    x->conn = c;
    x->keep_alive = true;
    x->began_us = mono_us();
    id_make(x->id);
    ctx_init(&x->rq.ctx, &x->arena, http_settings.handler_ms);
    x->rq.ctx.request_id = str_span(x->id, sizeof x->id);
    x->rq.headers = x->headers;
    return x;
}

/* Bodies and headers hold passwords and tokens. */
static void buf_wipe(struct buf *b)
{
    if (b->cap > BUF_KEEP) {
        buf_done(b);
        return;
    }
    if (b->at) explicit_bzero(b->at, b->len);
    buf_clear(b);
}

static void exchange_delete(struct exchange *x)
{
    arena_done(&x->arena);
    buf_done(&x->head);
    buf_done(&x->body);
    buf_done(&x->chunk_line);
    buf_done(&x->rq.reply.body);
    free(x);
}

void exchange_free(struct exchange *x)
{
    if (pool.count == POOL_MAX) {
        exchange_delete(x);
        return;
    }
    arena_reset(&x->arena);
    buf_wipe(&x->head);
    buf_wipe(&x->body);
    buf_wipe(&x->chunk_line);
    buf_wipe(&x->rq.reply.body);
    x->next = pool.free;
    pool.free = x;
    pool.count++;
}

void exchange_pool_done(void)
{
    while (pool.free) {
        struct exchange *next = pool.free->next;

        exchange_delete(pool.free);
        pool.free = next;
    }
    pool.count = 0;
}

void http_refuse(struct exchange *x, enum err e, const char *why)
{
    x->stage = HTTP_STAGE_REFUSED;
    x->refused = e;
    x->why = why;
    x->keep_alive = false;
}

/* --- what llhttp calls --- */

static int on_header_field(llhttp_t *llhttp, const char *at, size_t len)
{
    struct exchange *x = llhttp->data;
    struct request *rq = &x->rq;

    if (x->stage != HTTP_STAGE_HEAD) return 0; /* a trailer: nobody reads those */
    if (rq->header_count == HTTP_HEADERS_MAX) {
        http_refuse(x, E_HEADERS_TOO_LARGE, "header_count");
        return HPE_USER;
    }
    x->headers[rq->header_count++] = (struct http_header){ { at, len }, STR("") };
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct exchange *x = llhttp->data;

    if (x->stage != HTTP_STAGE_HEAD) return 0;
    x->headers[x->rq.header_count - 1].value = str_trim(str_span(at, len));
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct exchange *x = llhttp->data;

    llhttp->upgrade = 0; /* RFC 9110 7.8: we ignore Upgrade; else llhttp pauses */
    x->keep_alive = llhttp_should_keep_alive(llhttp);
    x->has_body = (llhttp->flags & F_CHUNKED) != 0 || llhttp->content_length > 0;
    x->data_left = llhttp->flags & F_CHUNKED ? 0 : llhttp->content_length;
    return 0;
}

static int on_chunk_header(llhttp_t *llhttp)
{
    struct exchange *x = llhttp->data;

    if (llhttp->content_length > x->body_cap - x->body_len) {
        http_refuse(x, x->over, "body_size");
        return HPE_USER;
    }
    x->data_left = llhttp->content_length;
    x->body_len += x->data_left;
    x->after_data = x->data_left > 0;
    x->last_chunk = x->data_left == 0;
    return 0;
}

static int on_chunk_complete(llhttp_t *llhttp)
{
    ((struct exchange *)llhttp->data)->after_data = false;
    return 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct exchange *x = llhttp->data;

    if (!x->discard) buf_add(&x->body, str_span(at, len));
    return 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
    struct exchange *x = llhttp->data;

    if (x->stage == HTTP_STAGE_BODY) x->stage = HTTP_STAGE_WHOLE;
    return 0;
}

static const llhttp_settings_t *llhttp_callbacks(void)
{
    static llhttp_settings_t callbacks;

    if (!callbacks.on_body) {
        llhttp_settings_init(&callbacks);
        callbacks.on_header_field = on_header_field;
        callbacks.on_header_value = on_header_value;
        callbacks.on_headers_complete = on_headers_complete;
        callbacks.on_chunk_header = on_chunk_header;
        callbacks.on_chunk_complete = on_chunk_complete;
        callbacks.on_body = on_body;
        callbacks.on_message_complete = on_message_complete;
    }
    return &callbacks;
}

static void llhttp_feed(struct exchange *x, struct str bytes)
{
    enum llhttp_errno said = llhttp_execute(&x->llhttp, bytes.at, bytes.len);

    if (said == HPE_OK || x->stage == HTTP_STAGE_REFUSED) return;
    http_refuse(x, said == HPE_INVALID_METHOD ? E_NOT_IMPLEMENTED : E_BAD_REQUEST,
                llhttp_errno_name(said));
}

/* --- the header section --- */

/* The fields this file looks at. */
enum known { HOST, LENGTH, CODING, EXPECT, ID, AGENT, KNOWN_COUNT };

struct field {
    struct str value; /* of the first */
    unsigned count;
};

static void fields_find(const struct request *rq, struct field fields[KNOWN_COUNT])
{
    static const struct str names[KNOWN_COUNT] = {
        [HOST] = STR_INIT("host"),
        [LENGTH] = STR_INIT("content-length"),
        [CODING] = STR_INIT("transfer-encoding"),
        [EXPECT] = STR_INIT("expect"),
        [ID] = STR_INIT("x-request-id"),
        [AGENT] = STR_INIT("user-agent"),
    };

    for (unsigned i = 0; i < rq->header_count; i++) {
        for (unsigned k = 0; k < KNOWN_COUNT; k++) {
            if (!str_eq_nocase(rq->headers[i].name, names[k])) continue;
            if (fields[k].count++ == 0) fields[k].value = rq->headers[i].value;
        }
    }
}

static struct str lower_copy(struct arena *a, struct str s)
{
    struct str copy = arena_copy(a, s);

    for (char *c = (char *)copy.at; c < copy.at + copy.len; c++) {
        if (*c >= 'A' && *c <= 'Z') *c |= 0x20;
    }
    return copy;
}

/* RFC 9112 3.2: one Host, also in HTTP/1.0 if there is any; an absolute-form
 * target must say the same. */
static bool host_check(struct exchange *x, const struct field *host)
{
    struct str name;

    if (host->count == 0) return x->line.minor == 0 && !x->line.authority.at;
    if (host->count > 1 || !http_host_parse(host->value, &name)) return false;
    x->rq.host = lower_copy(&x->arena, name);
    return !x->line.authority.at || str_eq_nocase(x->line.authority, host->value);
}

/* Only "chunked" alone is understood. Another coding before a final chunked is
 * well-formed, but not for us (RFC 9112 6.1). */
static enum err coding_check(const struct exchange *x, const struct field *coding)
{
    struct str rest = coding->value;
    bool ends_chunked = false;
    unsigned chunked = 0;

    if (x->line.minor == 0 || coding->count > 1) return E_BAD_REQUEST;
    if (str_eq_nocase(rest, STR("chunked"))) return OK;
    while (rest.at) {
        struct str item = str_trim(str_cut(&rest, ','));

        if (!http_is_token(item)) return E_BAD_REQUEST;
        ends_chunked = str_eq_nocase(item, STR("chunked"));
        chunked += ends_chunked;
    }
    return ends_chunked && chunked == 1 ? E_NOT_IMPLEMENTED : E_BAD_REQUEST;
}

static enum err framing_check(struct exchange *x, const struct field fields[KNOWN_COUNT])
{
    uint64_t length;

    x->why = "host";
    if (!host_check(x, &fields[HOST])) return E_BAD_REQUEST;
    x->why = "content_length"; /* no sign, no list, no leading zero */
    if (fields[LENGTH].count > 1) return E_BAD_REQUEST;
    if (fields[LENGTH].count == 1 && !str_u64(fields[LENGTH].value, &length)) return E_BAD_REQUEST;
    x->why = "transfer_encoding";
    if (fields[CODING].count > 0) {
        if (fields[LENGTH].count > 0) return E_BAD_REQUEST;
        TRY(coding_check(x, &fields[CODING]));
    }
    x->why = "expect";
    if (fields[EXPECT].count > 0 && x->line.minor == 1) { /* RFC 9110 10.1.1 */
        if (fields[EXPECT].count > 1) return E_EXPECTATION;
        if (!str_eq_nocase(fields[EXPECT].value, STR("100-continue"))) return E_EXPECTATION;
        x->expects_continue = x->has_body;
    }
    x->why = NULL;
    return OK;
}

static bool id_is_sane(struct str id)
{
    if (id.len == 0 || id.len > ID_MAX) return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

        if (!letter && !(c >= '0' && c <= '9') && !strchr("._-", c)) return false;
    }
    return true;
}

/* Printable ASCII of a bounded length: it is stored and shown. */
static struct str agent_clean(struct arena *a, struct str agent)
{
    struct str clean = str_upto(agent, AGENT_MAX);

    for (size_t i = 0; i < clean.len; i++) {
        if (clean.at[i] >= ' ' && clean.at[i] <= '~') continue;
        clean = arena_copy(a, clean);
        for (char *c = (char *)clean.at; c < clean.at + clean.len; c++) {
            if (*c < ' ' || *c > '~') *c = '?';
        }
        break;
    }
    return clean;
}

static void method_set(struct request *rq)
{
    static const struct str names[] = {
        [HTTP_M_GET] = STR_INIT("GET"),         [HTTP_M_HEAD] = STR_INIT("HEAD"),
        [HTTP_M_POST] = STR_INIT("POST"),       [HTTP_M_PUT] = STR_INIT("PUT"),
        [HTTP_M_PATCH] = STR_INIT("PATCH"),     [HTTP_M_DELETE] = STR_INIT("DELETE"),
        [HTTP_M_OPTIONS] = STR_INIT("OPTIONS"),
    };

    rq->method = HTTP_M_OTHER;
    for (unsigned m = 0; m < COUNT(names); m++) {
        if (str_eq(rq->method_text, names[m])) rq->method = (enum http_method)m;
    }
    rq->head_only = rq->method == HTTP_M_HEAD;
    if (rq->head_only) rq->method = HTTP_M_GET;
}

static void head_complete(struct exchange *x)
{
    struct request *rq = &x->rq;
    struct field fields[KNOWN_COUNT] = { 0 };
    struct str line = { x->head.at, x->header_at - 2 };

    /* It was fine when it came, but the buffer may have moved since. */
    must(http_line_parse(line, &x->line, &x->why) == OK);
    llhttp_init(&x->llhttp, HTTP_REQUEST, llhttp_callbacks());
    x->llhttp.data = x;
    llhttp_feed(x, buf_str(&x->head));
    if (x->stage == HTTP_STAGE_REFUSED) return;

    rq->method_text = x->line.method;
    rq->path = x->line.path;
    rq->query = x->line.query;
    method_set(rq);
    fields_find(rq, fields);
    if (fields[ID].count == 1 && id_is_sane(fields[ID].value))
        rq->ctx.request_id = fields[ID].value;
    if (fields[AGENT].count > 0) rq->ctx.agent = agent_clean(&x->arena, fields[AGENT].value);

    enum err e = framing_check(x, fields);
    if (e != OK) {
        http_refuse(x, e, x->why);
        return;
    }
    x->stage = HTTP_STAGE_PLAN;
}

/* A line of the header section is there, with its end. */
static void head_line(struct exchange *x)
{
    struct str line = str_from(buf_str(&x->head), x->line_at);

    x->line_at = x->head.len;
    if (!str_ends(line, STR("\r\n")) || str_find(line, '\r') != (ptrdiff_t)line.len - 2) {
        http_refuse(x, E_BAD_REQUEST, "line_end");
        return;
    }
    line.len -= 2;
    if (x->header_at == 0) {
        enum err e = http_line_parse(line, &x->line, &x->why);

        x->header_at = x->head.len;
        if (e != OK) http_refuse(x, e, x->why);
    } else if (line.len == 0) {
        head_complete(x);
    }
}

/* Is there room for this part of a line? (SPEC 6) What is beyond the limit is
 * not looked at, so that the answer does not depend on how the bytes came. */
static bool head_has_room(struct exchange *x, struct str part)
{
    bool in_line = x->header_at == 0;
    size_t most = in_line ? http_settings.request_line_max : http_settings.headers_max;
    size_t room = most + strlen("\r\n") - (x->head.len - x->header_at);

    if (part.len <= room) return true;
    buf_add(&x->head, str_upto(part, room));
    if (!in_line) {
        http_refuse(x, E_HEADERS_TOO_LARGE, "header_size");
    } else if (http_line_plausible(buf_str(&x->head))) {
        http_refuse(x, E_URI_TOO_LONG, "request_line_size");
    } else {
        http_refuse(x, E_BAD_REQUEST, "not_http");
    }
    return false;
}

/* RFC 9112 2.2: empty lines in front of a request are skipped; a few. */
static size_t blanks_take(struct exchange *x, struct str data)
{
    size_t taken = 0;

    while (taken < data.len && (data.at[taken] == '\r' || data.at[taken] == '\n')) {
        bool in_order = data.at[taken++] == (x->blanks % 2 == 0 ? '\r' : '\n');

        if (in_order && ++x->blanks <= BLANKS_MAX) continue;
        http_refuse(x, E_BAD_REQUEST, "empty_lines");
        return taken;
    }
    if (taken < data.len && x->blanks % 2 != 0) http_refuse(x, E_BAD_REQUEST, "line_end");
    return taken;
}

size_t http_parse_head(struct exchange *x, struct str data)
{
    size_t taken = x->head.len == 0 ? blanks_take(x, data) : 0;

    while (x->stage == HTTP_STAGE_HEAD && taken < data.len) {
        struct str rest = str_from(data, taken);
        ptrdiff_t lf = str_find(rest, '\n');
        struct str part = lf < 0 ? rest : str_upto(rest, (size_t)lf + 1);

        if (!head_has_room(x, part)) break;
        buf_add(&x->head, part);
        taken += part.len;
        if (lf >= 0) {
            head_line(x);
        } else if (x->header_at == 0 && !http_line_plausible(buf_str(&x->head))) {
            http_refuse(x, E_BAD_REQUEST, "not_http");
        }
    }
    return taken;
}

/* --- the body --- */

void http_parse_body_begin(struct exchange *x, size_t cap, bool discard, enum err over)
{
    must(x->stage == HTTP_STAGE_PLAN);
    x->body_cap = cap;
    x->discard = discard;
    x->over = over;
    x->body.ceiling = cap;
    x->rq.body = STR("");
    x->stage = x->has_body ? HTTP_STAGE_BODY : HTTP_STAGE_WHOLE;
    if (x->data_left > cap) {
        http_refuse(x, over, "body_size");
    } else if (!discard && x->data_left > 0) {
        (void)buf_reserve(&x->body, x->data_left);
    }
}

static size_t data_take(struct exchange *x, struct str data)
{
    if (data.len > x->data_left) data.len = x->data_left;
    x->data_left -= data.len;
    llhttp_feed(x, data);
    return data.len;
}

/* RFC 9112 7.1: chunk-size [ chunk-ext ] CRLF. llhttp bounds neither. */
static bool size_line_is_fine(struct exchange *x, struct str line)
{
    size_t digits = 0;

    while (digits < line.len && strchr("0123456789abcdefABCDEF", line.at[digits]) &&
           line.at[digits] != '\0') {
        digits++;
    }
    x->extension_bytes += line.len - digits - 2;
    return digits <= CHUNK_DIGITS_MAX && x->extension_bytes <= EXTENSION_BYTES_MAX;
}

/* Trailers are ignored (RFC 9110 6.5.1), but what would have framed the
 * message must not stand there. */
static bool trailer_is_fine(struct exchange *x, struct str line)
{
    struct str name = str_cut(&line, ':');

    x->trailer_bytes += name.len + line.len;
    return x->trailer_bytes <= TRAILER_BYTES_MAX && !str_eq_nocase(name, STR("content-length")) &&
           !str_eq_nocase(name, STR("transfer-encoding"));
}

static void chunk_line(struct exchange *x)
{
    struct str line = buf_str(&x->chunk_line);

    if (!str_ends(line, STR("\r\n"))) {
        http_refuse(x, E_BAD_REQUEST, "line_end");
    } else if (x->last_chunk && !trailer_is_fine(x, line)) {
        http_refuse(x, E_BAD_REQUEST, "trailer");
    } else if (!x->last_chunk && !x->after_data && !size_line_is_fine(x, line)) {
        http_refuse(x, E_BAD_REQUEST, "chunk_size");
    } else {
        llhttp_feed(x, line);
    }
    buf_clear(&x->chunk_line);
}

static size_t chunk_line_take(struct exchange *x, struct str data)
{
    ptrdiff_t lf = str_find(data, '\n');

    if (lf >= 0) data.len = (size_t)lf + 1;
    buf_add(&x->chunk_line, data);
    if (x->chunk_line.full) {
        http_refuse(x, E_BAD_REQUEST, "chunk_line_size");
    } else if (lf >= 0) {
        chunk_line(x);
    }
    return data.len;
}

size_t http_parse_body(struct exchange *x, struct str data)
{
    size_t taken = 0;

    while (x->stage == HTTP_STAGE_BODY && taken < data.len) {
        struct str rest = str_from(data, taken);

        taken += x->data_left > 0 ? data_take(x, rest) : chunk_line_take(x, rest);
    }
    if (x->stage == HTTP_STAGE_WHOLE) x->rq.body = buf_str(&x->body);
    return taken;
}
