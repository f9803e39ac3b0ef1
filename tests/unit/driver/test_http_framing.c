/* What is a request and what is not (RFC 9112; CASES.md group A). Each row is
 * sent whole, byte by byte (H-071) and in uneven pieces, with a good request
 * behind it on the same connection: after a refusal nothing more may be
 * answered and no handler may have run. */
#include "http_fixture.h"

TestSuite(http_framing, .init = server_start, .fini = server_stop, .timeout = 120);

#define HOST "Host: a\r\n"
#define NEXT "GET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"

struct row {
    const char *id;
    struct str bytes;
    const char *expect; /* of `bytes` alone; NEXT behind it adds " 200" unless refused */
};
#define ROW(id, bytes, expect)      \
    {                               \
        id, STR_INIT(bytes), expect \
    }
#define POST(fields) "POST /echo HTTP/1.1\r\n" HOST fields "\r\n"
#define CHUNKED POST("Transfer-Encoding: chunked\r\n")
#define GET(fields) "GET /hello HTTP/1.1\r\n" HOST fields "\r\n"
#define LINE(line) line "\r\n" HOST "\r\n"

/* 4xx and 5xx of framing close: "200" and other statuses of routes do not. */
static void rows_try(const struct row *rows, size_t count, bool refused)
{
    static const size_t steps[] = { 0, 1, 7 };

    for (size_t i = 0; i < count * COUNT(steps); i++) {
        const struct row *r = &rows[i / COUNT(steps)];
        size_t step = steps[i % COUNT(steps)];
        char bytes[4096], expect[64];
        size_t len = r->bytes.len;
        int before = handled;

        cr_assert(len + sizeof NEXT < sizeof bytes);
        memcpy(bytes, r->bytes.at, len);
        memcpy(bytes + len, NEXT, sizeof NEXT);
        snprintf(expect, sizeof expect, refused ? "%s" : "%s 200", r->expect);

        const char *got = talk(str_span(bytes, len + sizeof NEXT - 1), step);
        cr_expect_str_eq(got, expect, "%s in steps of %zu: got %s, not %s", r->id, step, got,
                         expect);
        if (refused) cr_expect(handled == before, "%s reached a handler", r->id);
    }
    expect_canary();
}
#define refuses(rows) rows_try(rows, COUNT(rows), true)
#define answers(rows) rows_try(rows, COUNT(rows), false)

Test(http_framing, length_and_coding_that_contradict_are_refused)
{
    static const struct row rows[] = {
        ROW("H-001 CL, TE", POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n",
            "400"),
        ROW("H-001 TE, CL", POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") "0\r\n\r\n",
            "400"),
        ROW("H-001 1.0",
            "POST /echo HTTP/1.0\r\n" HOST
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400"),
        ROW("H-001 empty TE", POST("Content-Length: 5\r\nTransfer-Encoding:\r\n") "hello", "400"),
        ROW("H-001 empty TE before", POST("Transfer-Encoding: \r\nContent-Length: 5\r\n") "hello",
            "400"),
        ROW("H-002", POST("Content-Length: 5\r\nContent-Length: 6\r\n") "hello!", "400"),
        ROW("H-003 equal", POST("Content-Length: 5\r\nContent-Length: 5\r\n") "hello", "400"),
        ROW("H-003 list", POST("Content-Length: 5, 5\r\n") "hello", "400"),
        ROW("H-004 +", POST("Content-Length: +5\r\n") "hello", "400"),
        ROW("H-004 -", POST("Content-Length: -5\r\n") "hello", "400"),
        ROW("H-004 0x", POST("Content-Length: 0x5\r\n") "hello", "400"),
        ROW("H-004 _", POST("Content-Length: 1_0\r\n") "hello", "400"),
        ROW("H-004 Z", POST("Content-Length: 5Z\r\n") "hello", "400"),
        ROW("H-004 space", POST("Content-Length: 1 2\r\n") "hello", "400"),
        ROW("H-004 empty", POST("Content-Length:\r\n") "hello", "400"),
        ROW("H-004 spaces", POST("Content-Length:   \r\n") "hello", "400"),
        ROW("H-004 zeros", POST("Content-Length: 0005\r\n") "hello", "400"),
        ROW("H-005 2^64", POST("Content-Length: 18446744073709551616\r\n") "hello", "400"),
        ROW("H-005 10^30", POST("Content-Length: 1000000000000000000000000000000\r\n"), "400"),
        ROW("H-005 2^64-1", POST("Content-Length: 18446744073709551615\r\n") "hello", "413"),
        ROW("H-008", POST("Transfer-Encoding: ,chunked\r\n") "0\r\n\r\n", "400"),
        ROW("H-008 behind", POST("Transfer-Encoding: chunked,\r\n") "0\r\n\r\n", "400"),
        ROW("H-009", POST("Transfer-Encoding: gzip, chunked\r\n") "0\r\n\r\n", "501"),
        ROW("H-010 last", POST("Transfer-Encoding: chunked, gzip\r\n") "0\r\n\r\n", "400"),
        ROW("H-010 twice",
            POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n",
            "400"),
        ROW("H-010 twice in one", POST("Transfer-Encoding: chunked, chunked\r\n") "0\r\n\r\n",
            "400"),
        ROW("H-010 split",
            POST("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n", "400"),
        ROW("H-010 x", POST("Transfer-Encoding: xchunked\r\n") "0\r\n\r\n", "400"),
        ROW("H-010 ;q", POST("Transfer-Encoding: chunked;q=1\r\n") "0\r\n\r\n", "400"),
        ROW("H-010 identity", POST("Transfer-Encoding: identity\r\n") "0\r\n\r\n", "400"),
        ROW("H-010 VTAB", POST("Transfer-Encoding: \vchunked\r\n") "0\r\n\r\n", "400"),
        ROW("H-010 A0",
            POST("Transfer-Encoding: \xa0"
                 "chunked\r\n") "0\r\n\r\n",
            "400"),
        ROW("H-011", "POST /echo HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400"),
    };
    refuses(rows);
}

Test(http_framing, a_broken_chunked_body_is_refused)
{
    static const struct row rows[] = {
        ROW("H-012 0x", CHUNKED "0x1\r\na\r\n0\r\n\r\n", "400"),
        ROW("H-012 -", CHUNKED "-1\r\na\r\n0\r\n\r\n", "400"),
        ROW("H-012 +", CHUNKED "+1\r\na\r\n0\r\n\r\n", "400"),
        ROW("H-012 _", CHUNKED "0_2\r\nab\r\n0\r\n\r\n", "400"),
        ROW("H-012 space before", CHUNKED " 1\r\na\r\n0\r\n\r\n", "400"),
        ROW("H-012 space behind", CHUNKED "1 \r\na\r\n0\r\n\r\n", "400"),
        ROW("H-012 empty", CHUNKED "\r\na\r\n0\r\n\r\n", "400"),
        ROW("H-012 17 digits", CHUNKED "10000000000000001\r\na\r\n0\r\n\r\n", "400"),
        ROW("H-012 2^64-1", CHUNKED "FFFFFFFFFFFFFFFF\r\na\r\n0\r\n\r\n", "413"),
        ROW("H-013 zeros", CHUNKED "00000000000000001\r\na\r\n0\r\n\r\n", "400"),
        ROW("H-014 quote", CHUNKED "1;a=\"b\r\na\r\n0\r\n\r\n", "400"),
        ROW("H-014 CR", CHUNKED "1;a\rb\r\na\r\n0\r\n\r\n", "400"),
        ROW("H-014 LF", CHUNKED "1;a\nb\r\na\r\n0\r\n\r\n", "400"),
        ROW("H-015 none", CHUNKED "1\r\na0\r\n\r\n", "400"),
        ROW("H-015 LF", CHUNKED "1\r\na\n0\r\n\r\n", "400"),
        ROW("H-015 CR", CHUNKED "1\r\na\r0\r\n\r\n", "400"),
        ROW("H-015 size ended by LF", CHUNKED "1\na\r\n0\r\n\r\n", "400"),
        ROW("H-015 last by LF", CHUNKED "1\r\na\r\n0\n\n", "400"),
        ROW("H-015 end by LF", CHUNKED "1\r\na\r\n0\r\n\n", "400"),
        ROW("H-017 CL", CHUNKED "0\r\nContent-Length: 5\r\n\r\n", "400"),
        ROW("H-017 cl", CHUNKED "0\r\nx: y\r\ncontent-length: 5\r\n\r\n", "400"),
        ROW("H-017 TE", CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
        ROW("trailer name", CHUNKED "0\r\nbad name: x\r\n\r\n", "400"),
    };
    refuses(rows);
}

Test(http_framing, a_good_body_is_read_to_its_end)
{
    static const struct row rows[] = {
        ROW("sized", POST("Content-Length: 5\r\n") "hello", "200"),
        ROW("sized, nothing", POST("Content-Length: 0\r\n"), "200"),
        ROW("no length", POST(""), "200"),
        ROW("chunked", CHUNKED "5\r\nhello\r\n0\r\n\r\n", "200"),
        ROW("chunked, case", POST("transfer-encoding: Chunked \r\n") "0\r\n\r\n", "200"),
        ROW("chunks", CHUNKED "1\r\na\r\n00A\r\n0123456789\r\n0\r\n\r\n", "200"),
        ROW("extension", CHUNKED "1;a=b;c=\"d\"\r\na\r\n0\r\n\r\n", "200"),
        ROW("H-016",
            CHUNKED "1\r\na\r\n0\r\nAuthorization: Bearer x\r\nCookie: a=b\r\n"
                    "Host: evil\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Type: a/b\r\n\r\n",
            "200"),
        ROW("H-055 GET", GET("Content-Length: 5\r\n") "GET /", "200"),
        ROW("H-055 GET chunked", GET("Transfer-Encoding: chunked\r\n") "3\r\nGET\r\n0\r\n\r\n",
            "200"),
        ROW("H-055 DELETE", "DELETE /hello HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nGET ",
            "200"),
        ROW("H-055 OPTIONS", "OPTIONS /hello HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nGET ",
            "405"),
        ROW("H-058 404",
            "POST /no HTTP/1.1\r\n" HOST "Content-Length: 45\r\n\r\n"
            "GET /hello HTTP/1.1\r\nHost: a\r\nX-12345678: y\r\n",
            "404"),
        ROW("H-058 401",
            "POST /private HTTP/1.1\r\n" HOST "Content-Length: 32\r\n\r\n"
            "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
            "401"),
        ROW("H-058 429",
            "POST /limited HTTP/1.1\r\n" HOST "Content-Length: 32\r\n\r\n"
            "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
            "429"),
        ROW("H-058 405",
            "PUT /echo HTTP/1.1\r\n" HOST "Content-Length: 32\r\n\r\n"
            "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
            "405"),
        ROW("H-078",
            POST(
                "Content-Length: 49\r\nX-A: GET /hello HTTP/1.1\r\n") "{\"a\":\"GET /hello HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n 12\"}",
            "200"),
    };
    answers(rows);
}

Test(http_framing, lines_end_in_crlf_and_names_in_a_colon)
{
    static const struct row rows[] = {
        ROW("H-020 LF line", "GET /hello HTTP/1.1\nHost: a\r\n\r\n", "400"),
        ROW("H-020 LF field", "GET /hello HTTP/1.1\r\nHost: a\n\r\n", "400"),
        ROW("H-020 LF end", "GET /hello HTTP/1.1\r\nHost: a\r\n\n", "400"),
        ROW("H-020 all LF", "GET /hello HTTP/1.1\nHost: a\n\n", "400"),
        ROW("H-020 CR", "GET /hello HTTP/1.1\rHost: a\r\n\r\n", "400"),
        ROW("H-020 CR field", "GET /hello HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "400"),
        ROW("H-020 CRCRLF", "GET /hello HTTP/1.1\r\nHost: a\r\r\n\r\n", "400"),
        ROW("H-020 CRLFCR+", "GET /hello HTTP/1.1\r\nHost: a\r\n\rX", "400"),
        ROW("H-020 leading LF", "\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ROW("H-020 leading CR", "\rGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ROW("H-021 space", GET("X : y\r\n"), "400"),
        ROW("H-021 tab", GET("X\t: y\r\n"), "400"),
        ROW("H-021 folded", GET("X: y\r\n z\r\n"), "400"),
        ROW("H-021 folded tab", GET("X: y\r\n\tz\r\n"), "400"),
        ROW("H-021 leading space", "GET /hello HTTP/1.1\r\n Host: a\r\n\r\n", "400"),
        ROW("H-021 empty name", GET(": y\r\n"), "400"),
        ROW("H-021 no colon", GET("X\r\n"), "400"),
        ROW("H-021 split", GET("X-Na\r\nme: y\r\n"), "400"),
        ROW("H-022 NUL", GET("X: a\0b\r\n"), "400"),
        ROW("H-022 01",
            GET("X: a\x01"
                "b\r\n"),
            "400"),
        ROW("H-022 08",
            GET("X: a\x08"
                "b\r\n"),
            "400"),
        ROW("H-022 0B",
            GET("X: a\x0b"
                "b\r\n"),
            "400"),
        ROW("H-022 0C",
            GET("X: a\x0c"
                "b\r\n"),
            "400"),
        ROW("H-022 0E",
            GET("X: a\x0e"
                "b\r\n"),
            "400"),
        ROW("H-022 1F",
            GET("X: a\x1f"
                "b\r\n"),
            "400"),
        ROW("H-022 7F",
            GET("X: a\x7f"
                "b\r\n"),
            "400"),
        ROW("H-024 space", GET("Authorization : x\r\n"), "400"),
    };
    refuses(rows);
}

Test(http_framing, there_is_one_host_and_it_names_a_host)
{
#define WITH(host) "GET /hello HTTP/1.1\r\n" host "\r\n"
    static const struct row rows[] = {
        ROW("H-025 none", WITH(""), "400"),
        ROW("H-025 empty", WITH("Host:\r\n"), "400"),
        ROW("H-025 two", WITH("Host: a\r\nHost: a\r\n"), "400"),
        ROW("H-025 two others", WITH("Host: a\r\nHost: b\r\n"), "400"),
        ROW("H-025 two, 1.0", "GET /hello HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        ROW("H-025 not a host", WITH("Host: a b@c/d\r\n"), "400"),
        ROW("H-025 user", WITH("Host: u@a\r\n"), "400"),
        ROW("H-025 list", WITH("Host: a, b\r\n"), "400"),
        ROW("H-025 label",
            WITH("Host: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b\r\n"),
            "400"),
        ROW("H-025 empty label", WITH("Host: a..b\r\n"), "400"),
        ROW("H-025 port", WITH("Host: a:x\r\n"), "400"),
        ROW("H-025 port range", WITH("Host: a:65536\r\n"), "400"),
        ROW("H-025 IPv6", WITH("Host: [::g]\r\n"), "400"),
        ROW("H-025 IPv6 open", WITH("Host: [::1\r\n"), "400"),
        ROW("H-025 IPv6 tail", WITH("Host: [::1]x\r\n"), "400"),
        ROW("H-027 other", "GET http://b/hello HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ROW("H-027 user", "GET http://u:p@a/hello HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ROW("H-027 no path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ROW("H-027 scheme", "GET ftp://a/hello HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ROW("H-027 1.0 without Host", "GET http://a/hello HTTP/1.0\r\n\r\n", "400"),
    };
    refuses(rows);

    static const struct row good[] = {
        ROW("port", WITH("Host: a:8000\r\n"), "200"),
        ROW("root", WITH("Host: a.example.\r\n"), "200"),
        ROW("IPv6", WITH("Host: [::1]:8000\r\n"), "200"),
        ROW("spaces", WITH("Host:   a \t \r\n"), "200"),
        ROW("absolute", "GET http://a:1/hello HTTP/1.1\r\nHost: A:1\r\n\r\n", "200"),
    };
    answers(good);
}

Test(http_framing, a_request_line_has_three_words_and_our_version)
{
    static const struct row rows[] = {
        ROW("H-028 *", LINE("GET * HTTP/1.1"), "400"),
        ROW("H-028 word", LINE("GET foo HTTP/1.1"), "400"),
        ROW("H-028 authority", LINE("GET a:80 HTTP/1.1"), "400"),
        ROW("H-029", "GET /hello\r\n\r\n", "400"),
        ROW("H-029 fields", LINE("GET /hello"), "400"),
        ROW("H-031 1.2", LINE("GET /hello HTTP/1.2"), "505"),
        ROW("H-031 2.0", LINE("GET /hello HTTP/2.0"), "505"),
        ROW("H-031 9.9", LINE("GET /hello HTTP/9.9"), "505"),
        ROW("H-031 0.9", LINE("GET /hello HTTP/0.9"), "505"),
        ROW("H-031 1.32", LINE("GET /hello HTTP/1.32"), "400"),
        ROW("H-031 1.1x", LINE("GET /hello HTTP/1.1x"), "400"),
        ROW("H-031 case", LINE("GET /hello http/1.1"), "400"),
        ROW("H-031 PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
        ROW("H-032 RTSP", LINE("OPTIONS * RTSP/1.0"), "400"),
        ROW("H-032 ICE", LINE("SOURCE /hello ICE/1.0"), "400"),
        ROW("H-033", LINE("CONNECT a:443 HTTP/1.1"), "405"),
        ROW("H-033 path", LINE("CONNECT /hello HTTP/1.1"), "405"),
        ROW("H-035 TRACK", LINE("TRACK /hello HTTP/1.1"), "405"),
        ROW("H-036 unknown", LINE("FOO /hello HTTP/1.1"), "501"),
        ROW("H-036 case", LINE("get /hello HTTP/1.1"), "501"),
        ROW("H-036 prefix", LINE("GETX /hello HTTP/1.1"), "501"),
        ROW("H-036 RTSP method", LINE("DESCRIBE /hello HTTP/1.1"), "400"),
        ROW("H-036 not a token", LINE("G(T /hello HTTP/1.1"), "400"),
        ROW("H-040 two spaces", LINE("GET  /hello HTTP/1.1"), "400"),
        ROW("H-040 two spaces behind", LINE("GET /hello  HTTP/1.1"), "400"),
        ROW("H-040 tab", LINE("GET\t/hello\tHTTP/1.1"), "400"),
        ROW("H-040 trailing", LINE("GET /hello HTTP/1.1 "), "400"),
        ROW("H-040 leading", LINE(" GET /hello HTTP/1.1"), "400"),
    };
    refuses(rows);
}

Test(http_framing, methods_without_a_route_get_405)
{
    static const struct row rows[] = {
        ROW("H-035 TRACE", LINE("TRACE /hello HTTP/1.1"), "405"),
        ROW("H-037 M-SEARCH", LINE("M-SEARCH /hello HTTP/1.1"), "405"),
        ROW("H-037 PURGE", LINE("PURGE /hello HTTP/1.1"), "405"),
        ROW("H-037 PROPFIND", LINE("PROPFIND /hello HTTP/1.1"), "405"),
        ROW("H-037 SOURCE", LINE("SOURCE /hello HTTP/1.1"), "405"),
        ROW("H-037 QUERY", LINE("QUERY /hello HTTP/1.1"), "405"),
        ROW("H-038", GET("X-HTTP-Method-Override: DELETE\r\n"), "200"),
        ROW("H-028 OPTIONS *", LINE("OPTIONS * HTTP/1.1"), "204"),
    };
    answers(rows);
}

Test(http_framing, other_protocols_are_told_so)
{
    static const struct row rows[] = {
        ROW("H-060 TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"),
        ROW("H-060 SSH", "SSH-2.0-OpenSSH_9.2p1\r\n", "400"),
        ROW("H-060 SSH comment", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "400"),
        ROW("H-060 Redis", "*1\r\n$4\r\nPING\r\n", "400"),
        ROW("H-060 Redis inline", "PING\r\n", "400"),
        ROW("H-060 SMTP", "EHLO mail.example\r\n", "400"),
        ROW("H-073 v1", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "400"),
        ROW("H-073 v2", "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", "400"),
    };
    refuses(rows);
}

Test(http_framing, the_target_is_what_rfc_3986_says)
{
    static const struct row rows[] = {
        ROW("H-061 NUL", LINE("GET /a\0b HTTP/1.1"), "400"),
        ROW("H-061 01",
            LINE("GET /a\x01"
                 "b HTTP/1.1"),
            "400"),
        ROW("H-061 7F", LINE("GET /a\x7f HTTP/1.1"), "400"),
        ROW("H-061 UTF-8", LINE("GET /\xc3\xa9 HTTP/1.1"), "400"),
        ROW("H-061 backslash", LINE("GET /a\\b HTTP/1.1"), "400"),
        ROW("H-061 fragment", LINE("GET /hello#x HTTP/1.1"), "400"),
        ROW("H-061 quote", LINE("GET /\"a\" HTTP/1.1"), "400"),
        ROW("H-061 brackets", LINE("GET /<a>{b}|^` HTTP/1.1"), "400"),
        ROW("H-062 %", LINE("GET /hello% HTTP/1.1"), "400"),
        ROW("H-062 %z", LINE("GET /%zz HTTP/1.1"), "400"),
        ROW("H-062 %0", LINE("GET /%0 HTTP/1.1"), "400"),
        ROW("H-062 %00", LINE("GET /hello%00 HTTP/1.1"), "400"),
        ROW("H-062 %u", LINE("GET /%u0041 HTTP/1.1"), "400"),
        ROW("H-062 overlong", LINE("GET /..%c0%af.. HTTP/1.1"), "400"),
        ROW("H-062 query", LINE("GET /hello?a=%zz HTTP/1.1"), "400"),
        ROW("H-065 brackets", LINE("GET /hello?a[b]= HTTP/1.1"), "400"),
        ROW("H-066 CRLF", LINE("GET /%0d%0aX:y HTTP/1.1"), "400"),
    };
    refuses(rows);

    static const struct row good[] = {
        ROW("H-062 text", LINE("GET /caf%C3%A9 HTTP/1.1"), "404"),
        ROW("H-069 dots", LINE("GET /../hello HTTP/1.1"), "404"),
        ROW("H-069 escaped", LINE("GET /%68ello HTTP/1.1"), "404"),
        ROW("H-069 slashes", LINE("GET //hello HTTP/1.1"), "404"),
        ROW("H-069 end", LINE("GET /hello/ HTTP/1.1"), "404"),
        ROW("query", LINE("GET /hello?a=b&c=%20;d HTTP/1.1"), "200"),
        ROW("H-066 query", LINE("GET /hello?state=%0d%0aX:y HTTP/1.1"), "200"),
    };
    answers(good);
}

Test(http_framing, what_we_do_not_use_is_ignored)
{
    static const struct row rows[] = {
        ROW("H-024",
            GET("Content_Length: 5\r\nTransfer_Encoding: chunked\r\n"
                "X_Forwarded_For: a\r\n"),
            "200"),
        ROW("H-034 h2c",
            GET("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
            "200"),
        ROW("H-034 websocket", GET("Connection: upgrade\r\nUpgrade: websocket\r\n"), "200"),
        ROW("H-034 body", POST("Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n") "ab",
            "200"),
        ROW("H-068", GET("Range: bytes=x-\r\nIf-Match: }\r\nIf-Modified-Since: never\r\n"), "200"),
        ROW("H-072",
            GET("X-Forwarded-For: ,,\r\nForwarded: for=\"_x\"\r\nX-Real-IP: 300.1.1.1\r\n"
                "X-Forwarded-Host: evil\r\nX-Client-Cert: x\r\n"),
            "200"),
        ROW("obs-text", GET("X: caf\xe9\r\n"), "200"),
        ROW("empty lines", "\r\n\r\n" GET(""), "200"),
    };
    answers(rows);
}

Test(http_framing, only_100_continue_can_be_expected)
{
    static const struct row rows[] = {
        ROW("H-057 unknown", POST("Expect: 200-ok\r\nContent-Length: 2\r\n") "ab", "417"),
        ROW("H-057 list", POST("Expect: 100-continue, x\r\nContent-Length: 2\r\n") "ab", "417"),
        ROW("H-057 twice",
            POST("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 2\r\n") "ab",
            "417"),
        ROW("H-057 obfuscated", POST("Expect: \"100-continue\"\r\nContent-Length: 2\r\n") "ab",
            "417"),
        ROW("H-057 empty", POST("Expect:\r\nContent-Length: 2\r\n") "ab", "417"),
        ROW("refused",
            "POST /private HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
            "401"),
    };
    refuses(rows);
}

Test(http_framing, nothing_behind_the_last_request_is_read)
{
    static const struct row rows[] = {
        ROW("H-054", "GET /empty HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", "204"),
        ROW("H-054 1.0", "GET /empty HTTP/1.0\r\n" HOST "\r\n", "204"),
        ROW("H-054 tokens", "GET /empty HTTP/1.1\r\n" HOST "Connection: x, Close\r\n\r\n", "204"),
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char bytes[512];
        int before = handled;

        snprintf(bytes, sizeof bytes, "%s%s", rows[i].bytes.at, NEXT);
        cr_expect_str_eq(talk(str_of(bytes), 0), rows[i].expect, "%s", rows[i].id);
        cr_expect(handled == before + 1, "%s", rows[i].id);
    }
    static const struct row kept[] = {
        ROW("1.0 that asks to stay",
            "GET /hello HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n", "200"),
        ROW("1.0 without Host", "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200"),
    };
    answers(kept);
}

Test(http_framing, good_before_garbage_is_answered)
{
    /* H-052 */
    static const struct row rows[] = {
        ROW("H-052", GET("") "GARBAGE\r\n\r\n", "200 400"),
        ROW("H-052 bytes", GET("") "\xff\xfe\r\n\r\n", "200 400"),
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int before = handled;

        cr_expect_str_eq(talk(rows[i].bytes, 0), rows[i].expect, "%s", rows[i].id);
        cr_expect(handled == before + 1, "%s", rows[i].id);
    }
}
