/* http_reply.c - from an answer to bytes.
 *
 * Handlers say what they answer through the reply_* functions, which only fill
 * in rq->reply; http_reply_write turns that into one run of bytes once the
 * handler has returned. Every answer carries Date, X-Request-ID, the security
 * headers and, but for 204 and 304, Content-Length (RFC 9110 8.6). */
#include "http_private.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/must.h"
#include "run/loop.h"

/* --- what was asked --- */

struct str request_header(const struct request *rq, const char *name)
{
    struct str wanted = str_of(name);

    for (unsigned i = 0; i < rq->header_count; i++) {
        if (str_eq_nocase(rq->headers[i].name, wanted)) return rq->headers[i].value;
    }
    return STR_NONE;
}

unsigned request_header_count(const struct request *rq, const char *name)
{
    struct str wanted = str_of(name);
    unsigned count = 0;

    for (unsigned i = 0; i < rq->header_count; i++) {
        count += str_eq_nocase(rq->headers[i].name, wanted);
    }
    return count;
}

bool request_abandoned(const struct request *rq)
{
    return rq->ctx.abandoned;
}

/* --- what is answered --- */

static const struct str json_type = STR_INIT("application/json; charset=utf-8");

static struct buf *reply_start(struct request *rq, int status, struct str type)
{
    rq->reply.status = status;
    rq->reply.type = type;
    rq->reply.borrowed = STR_NONE;
    rq->reply.sent = true;
    buf_clear(&rq->reply.body);
    return &rq->reply.body;
}

struct buf *reply_data(struct request *rq, int status)
{
    struct buf *body = reply_start(rq, status, json_type);

    BUF_ADD(body, "{\"status\":\"success\",\"data\":");
    return body;
}

enum err reply_end(struct request *rq)
{
    BUF_ADD(&rq->reply.body, "}");
    return OK;
}

enum err reply_empty(struct request *rq, int status)
{
    reply_start(rq, status, STR_NONE);
    return OK;
}

enum err reply_text(struct request *rq, int status, const char *type, struct str borrowed)
{
    reply_start(rq, status, str_of(type));
    rq->reply.borrowed = borrowed;
    return OK;
}

void reply_header(struct request *rq, const char *name, struct str value)
{
    must(str_find(value, '\r') < 0 && str_find(value, '\n') < 0);
    rq->reply.head = arena_fmt(rq->ctx.arena, STR_FMT "%s: " STR_FMT "\r\n",
                               STR_ARG(rq->reply.head), name, STR_ARG(value));
}

void reply_no_store(struct request *rq)
{
    rq->reply.no_store = true;
}

/* RFC 9110 11.6.1, RFC 6750 3: no error code when no token was sent. */
static void challenge(struct request *rq, enum err e)
{
    if (e == E_BAD_TOKEN) {
        reply_header(rq, "WWW-Authenticate",
                     STR("Bearer realm=\"postern\", error=\"invalid_token\""));
    } else {
        reply_header(rq, "WWW-Authenticate", STR("Bearer realm=\"postern\""));
    }
}

static void details_write(struct buf *b, const struct details *details)
{
    json_key(b, "details");
    json_begin_array(b);
    for (unsigned i = 0; i < details->count; i++) {
        const struct detail *d = &details->at[i];

        json_begin(b);
        json_put_text(b, "field", d->field);
        json_put_text(b, "code", str_of(d->code));
        json_put_text(b, "message", d->message);
        json_end(b);
    }
    json_end_array(b);
}

void reply_error(struct request *rq, enum err e)
{
    const struct err_info *info = err_info(e);
    struct buf *b = reply_start(rq, info->status, json_type);

    if (info->status == 401) challenge(rq, e);
    if (info->status == 429 || info->status == 503 || info->status == 504) {
        int seconds = rq->ctx.retry_after_s > 0 ? rq->ctx.retry_after_s : 1;

        reply_header(rq, "Retry-After", arena_fmt(rq->ctx.arena, "%d", seconds));
    }
    rq->reply.no_store = true; /* some statuses may be cached unless told (RFC 9110 15.1) */

    json_begin(b);
    json_put_text(b, "status", STR("error"));
    json_put_text(b, "error", str_of(info->word));
    json_put_text(b, "message", str_of(info->text));
    json_put_time(b, "timestamp", wall_ms());
    json_put_text(b, "request_id", rq->ctx.request_id);
    if (rq->ctx.details.count > 0) details_write(b, &rq->ctx.details);
    json_end(b);
}

/* --- bytes --- */

static struct str status_line(int status)
{
    static const struct {
        int status;
        struct str line;
    } lines[] = {
#define LINE(number, reason) { number, STR_INIT("HTTP/1.1 " #number " " reason "\r\n") }
        LINE(200, "OK"),
        LINE(201, "Created"),
        LINE(202, "Accepted"),
        LINE(204, "No Content"),
        LINE(302, "Found"),
        LINE(303, "See Other"),
        LINE(304, "Not Modified"),
        LINE(400, "Bad Request"),
        LINE(401, "Unauthorized"),
        LINE(403, "Forbidden"),
        LINE(404, "Not Found"),
        LINE(405, "Method Not Allowed"),
        LINE(408, "Request Timeout"),
        LINE(409, "Conflict"),
        LINE(413, "Content Too Large"),
        LINE(414, "URI Too Long"),
        LINE(415, "Unsupported Media Type"),
        LINE(417, "Expectation Failed"),
        LINE(421, "Misdirected Request"),
        LINE(422, "Unprocessable Content"),
        LINE(429, "Too Many Requests"),
        LINE(431, "Request Header Fields Too Large"),
        LINE(500, "Internal Server Error"),
        LINE(501, "Not Implemented"),
        LINE(503, "Service Unavailable"),
        LINE(504, "Gateway Timeout"),
        LINE(505, "HTTP Version Not Supported"),
#undef LINE
    };

    for (size_t i = 0; i < COUNT(lines); i++) {
        if (lines[i].status == status) return lines[i].line;
    }
    must(!"a status without a reason phrase");
    return STR_NONE;
}

/* "Date: ...\r\n", made once a second. */
static struct str date_line(void)
{
    static char line[] = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
    static uint64_t made_s = UINT64_MAX;
    uint64_t now_s = uv_now(loop) / 1000;

    if (now_s != made_s) {
        char date[HTTP_DATE_LEN + 1];

        made_s = now_s;
        memcpy(line + strlen("Date: "), http_date(date, wall_ms()).at, HTTP_DATE_LEN);
    }
    return str_span(line, sizeof line - 1);
}

static void head_write(const struct exchange *x, bool close, struct buf *to)
{
    const struct request *rq = &x->rq;

    buf_add(to, status_line(rq->reply.status));
    buf_add(to, date_line());
    BUF_ADD(to, "X-Request-ID: ");
    buf_add(to, rq->ctx.request_id);
    BUF_ADD(to, "\r\nX-Content-Type-Options: nosniff\r\n"
                "Referrer-Policy: no-referrer\r\n"
                "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n");
    if (http_settings.hsts) BUF_ADD(to, "Strict-Transport-Security: max-age=31536000\r\n");
    if (rq->reply.no_store) BUF_ADD(to, "Cache-Control: no-store\r\nPragma: no-cache\r\n");
    if (close) {
        BUF_ADD(to, "Connection: close\r\n");
    } else if (x->line.minor == 0) {
        BUF_ADD(to, "Connection: keep-alive\r\n");
    }
    buf_add(to, rq->reply.head);
}

void http_reply_write(struct exchange *x, bool close, struct buf *to)
{
    struct request *rq = &x->rq;

    if (rq->reply.body.full) {
        log_error(&rq->ctx, "http.reply_too_large", KV("path", rq->path));
        reply_error(rq, E_INTERNAL);
    }
    struct str body = rq->reply.borrowed.at ? rq->reply.borrowed : buf_str(&rq->reply.body);
    bool bodiless = rq->reply.status == 204 || rq->reply.status == 304;

    head_write(x, close, to);
    if (!bodiless) {
        if (rq->reply.type.at) {
            BUF_ADD(to, "Content-Type: ");
            buf_add(to, rq->reply.type);
            BUF_ADD(to, "\r\n");
        }
        BUF_ADD(to, "Content-Length: ");
        buf_add_u64(to, body.len);
        BUF_ADD(to, "\r\n");
    }
    BUF_ADD(to, "\r\n");
    if (!bodiless && !rq->head_only) buf_add(to, body);
}
