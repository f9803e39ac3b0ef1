/* bench_responder.c - the ceiling: what libuv and llhttp can do and no more.
 *
 *     bench_responder PORT
 *
 * Answers every request on 127.0.0.1:PORT with the same few bytes. The server
 * is measured against it on the same core in the same run. */
#include <llhttp.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static const char answer[] = "HTTP/1.1 200 OK\r\n"
                             "Content-Type: application/json; charset=utf-8\r\n"
                             "Content-Length: 20\r\n\r\n"
                             "{\"status\":\"success\"}";

struct client {
    uv_tcp_t tcp;
    llhttp_t parser;
};

static llhttp_settings_t settings;
static char read_buffer[65536];

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static int on_message_complete(llhttp_t *parser)
{
    struct client *c = parser->data;
    uv_buf_t buf = uv_buf_init((char *)answer, sizeof answer - 1);

    return uv_try_write((uv_stream_t *)&c->tcp, &buf, 1) == (int)buf.len ? 0 : -1;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle, (void)suggested;
    *buf = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct client *c = (struct client *)stream;

    if (got < 0 || llhttp_execute(&c->parser, buf->base, (size_t)got) != HPE_OK) {
        uv_close((uv_handle_t *)stream, on_closed);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct client *c = calloc(1, sizeof *c);

    if (status != 0 || !c) abort();
    uv_tcp_init(listener->loop, &c->tcp);
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) abort();
    uv_tcp_nodelay(&c->tcp, 1);
    llhttp_init(&c->parser, HTTP_REQUEST, &settings);
    c->parser.data = c;
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

int main(int argc, char **argv)
{
    static uv_tcp_t listener;
    struct sockaddr_in at;

    if (argc != 2 || uv_ip4_addr("127.0.0.1", atoi(argv[1]), &at) != 0) return 2;
    llhttp_settings_init(&settings);
    settings.on_message_complete = on_message_complete;
    uv_tcp_init(uv_default_loop(), &listener);
    if (uv_tcp_bind(&listener, (struct sockaddr *)&at, 0) != 0) return 1;
    if (uv_listen((uv_stream_t *)&listener, 1024, on_connection) != 0) return 1;
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
