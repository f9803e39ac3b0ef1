/* fuzz_http.c - the front of the HTTP server, without sockets.
 *
 * The first byte is a seed; the rest is what a client sends. It is read twice,
 * once whole and once in pieces cut by the seed: both readings must see the
 * same requests, with the same bodies, and end in the same way. What passes
 * must be as clean as handlers believe it is. */
#include "../../src/driver/http_private.h"

#include "base/must.h"

#include <stdlib.h>

#define REQUESTS_MAX 64
#define TRANSCRIPT_MAX ((size_t)1 << 20)

static void field_check(const struct http_header *h)
{
    must(http_is_token(h->name));
    for (size_t i = 0; i < h->value.len; i++) {
        unsigned char c = (unsigned char)h->value.at[i];
        must(c == '\t' || (c >= ' ' && c != 0x7f));
    }
}

static void request_check(const struct request *rq)
{
    must(str_starts(rq->path, STR("/")) || str_eq(rq->path, STR("*")));
    for (size_t i = 0; i < rq->path.len; i++) must(rq->path.at[i] > ' ' && rq->path.at[i] < 0x7f);
    must(rq->header_count <= HTTP_HEADERS_MAX);
    for (unsigned i = 0; i < rq->header_count; i++) field_check(&rq->headers[i]);
    must(request_header_count(rq, "Content-Length") <= 1);
    must(!request_header(rq, "Content-Length").at || !request_header(rq, "Transfer-Encoding").at);
    must(rq->ctx.request_id.len > 0 && rq->ctx.request_id.len <= 64);
}

/* No byte of a request makes a new line in an answer. */
static void answer_check(struct exchange *x)
{
    struct buf answer;
    unsigned lines = 0;

    buf_init(&answer, 1 << 20);
    reply_error(&x->rq, x->stage == HTTP_STAGE_REFUSED ? x->refused : E_NOT_FOUND);
    http_reply_write(x, !x->keep_alive, &answer);
    const char *end = memmem(answer.at, answer.len, "\r\n\r\n", 4);
    must(end != NULL);
    for (const char *c = answer.at; c <= end; c++) lines += *c == '\n';
    must(lines <= 14);
    buf_done(&answer);
}

/* A line about each request, then how it ended. */
static void note(struct buf *transcript, const struct exchange *x)
{
    const struct request *rq = &x->rq;

    buf_fmt(transcript, "%d %d ", (int)x->stage, (int)x->refused);
    if (x->stage != HTTP_STAGE_WHOLE) return;
    buf_fmt(transcript, "%d %u %d ", (int)rq->method, rq->header_count, x->keep_alive);
    buf_add(transcript, rq->path);
    buf_add(transcript, rq->query);
    buf_add(transcript, rq->host);
    buf_add(transcript, rq->body);
    for (unsigned i = 0; i < rq->header_count; i++) {
        buf_add(transcript, rq->headers[i].name);
        buf_add(transcript, rq->headers[i].value);
    }
    buf_add_char(transcript, '\n');
}

static size_t piece(uint32_t *seed, size_t most)
{
    *seed = *seed * 1664525 + 1013904223;
    size_t len = 1 + (*seed >> 24) % 40;
    return len < most ? len : most;
}

/* `seed` 0: all at once. */
static void read_all(struct str bytes, uint32_t seed, struct buf *transcript)
{
    struct exchange *x = exchange_new(NULL);
    unsigned requests = 0;
    size_t at = 0;

    while (at < bytes.len && requests < REQUESTS_MAX) {
        size_t len = seed == 0 ? bytes.len - at : piece(&seed, bytes.len - at);
        struct str part = { bytes.at + at, len };
        size_t taken =
            x->stage == HTTP_STAGE_HEAD ? http_parse_head(x, part) : http_parse_body(x, part);

        must(taken <= len);
        must(taken > 0 || x->stage == HTTP_STAGE_REFUSED); /* it goes on or it ends */
        at += taken;
        if (x->stage == HTTP_STAGE_PLAN) {
            request_check(&x->rq);
            http_parse_body_begin(x, 4096, x->rq.method == HTTP_M_GET, E_TOO_LARGE);
        }
        if (x->stage == HTTP_STAGE_HEAD || x->stage == HTTP_STAGE_BODY) continue;
        note(transcript, x);
        answer_check(x);
        if (!x->keep_alive) break;
        exchange_free(x);
        x = exchange_new(NULL);
        requests++;
    }
    note(transcript, x);
    exchange_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, pieces;

    if (size < 1) return 0;
    http_settings = (struct http_config){
        .request_line_max = 256, .headers_max = 512, .handler_ms = 1000, .body_max = 4096
    };
    buf_init(&whole, TRANSCRIPT_MAX);
    buf_init(&pieces, TRANSCRIPT_MAX);
    read_all(str_span(data + 1, size - 1), 0, &whole);
    read_all(str_span(data + 1, size - 1), 1u + data[0], &pieces);
    must(str_eq(buf_str(&whole), buf_str(&pieces)));
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
