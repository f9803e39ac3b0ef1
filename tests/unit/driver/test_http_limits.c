/* Bounds: how much of anything a request may have (SPEC 6), and what a client
 * hears who brings more. */
#include "http_fixture.h"

TestSuite(http_limits, .init = server_start, .fini = server_stop, .timeout = 120);

#define HOST "Host: a\r\n"
#define LAST HOST "Connection: close\r\n"

/* Something long, put together. */
static char text[3 << 20];
static size_t text_len;

static void put(const char *part)
{
    size_t len = strlen(part);

    cr_assert(text_len + len < sizeof text);
    memcpy(text + text_len, part, len);
    text_len += len;
}

static void put_many(const char *part, size_t times)
{
    while (times-- > 0) put(part);
}

static const char *talk_text(void)
{
    struct str all = { text, text_len };

    text_len = 0;
    return talk(all, 0);
}

/* H-041 */
Test(http_limits, a_request_line_of_8_kib_is_the_longest)
{
    put("GET /");
    put_many("a", 8192 - strlen("GET / HTTP/1.1"));
    put(" HTTP/1.1\r\n" LAST "\r\n");
    cr_expect_str_eq(talk_text(), "404");

    put("GET /");
    put_many("a", 8192 - strlen("GET / HTTP/1.1") + 1);
    put(" HTTP/1.1\r\n" LAST "\r\n");
    cr_expect_str_eq(talk_text(), "414");

    put("GET /");
    put_many("a", 8193); /* no end: refused as soon as the limit is passed */
    cr_expect_str_eq(talk_text(), "414");

    put("GET /");
    put_many("a", 1 << 20);
    put(" HTTP/1.1\r\n" LAST "\r\n");
    cr_expect_str_eq(talk_text(), "414");
    expect_canary();
}

/* H-042 */
Test(http_limits, a_hundred_header_fields_are_the_most)
{
    put("GET /hello HTTP/1.1\r\n" LAST);
    put_many("X: y\r\n", 98);
    put("\r\n");
    cr_expect_str_eq(talk_text(), "200");

    put("GET /hello HTTP/1.1\r\n" LAST);
    put_many("X: y\r\n", 99);
    put("\r\n");
    cr_expect_str_eq(talk_text(), "431");

    put("GET /hello HTTP/1.1\r\n" LAST);
    put_many("X: y\r\n", 100000);
    put("\r\n");
    cr_expect_str_eq(talk_text(), "431");
    expect_canary();
}

/* H-042, H-075 */
Test(http_limits, a_header_section_of_16_kib_is_the_largest)
{
    size_t others = strlen(LAST "X: \r\n");

    put("GET /hello HTTP/1.1\r\n" LAST "X: ");
    put_many("y", 16384 - others);
    put("\r\n\r\n");
    cr_expect_str_eq(talk_text(), "200");

    put("GET /hello HTTP/1.1\r\n" LAST "X: ");
    put_many("y", 16384 - others + 1);
    put("\r\n\r\n");
    cr_expect_str_eq(talk_text(), "431");

    put("GET /hello HTTP/1.1\r\n" LAST "X: ");
    put_many("y", 1 << 20);
    cr_expect_str_eq(talk_text(), "431");

    put("GET /hello HTTP/1.1\r\n" LAST);
    put_many("y", 1 << 20);
    cr_expect_str_eq(talk_text(), "431");

    put("GET /hello HTTP/1.1\r\n" LAST "Cookie: ");
    put_many("a=b; ", 32768 / 5);
    put("\r\n\r\n");
    cr_expect_str_eq(talk_text(), "431");
    expect_canary();
}

/* H-039 */
Test(http_limits, only_a_few_empty_lines_may_come_first)
{
    put_many("\r\n", 8);
    put("GET /hello HTTP/1.1\r\n" LAST "\r\n");
    cr_expect_str_eq(talk_text(), "200");

    put_many("\r\n", 9);
    put("GET /hello HTTP/1.1\r\n" LAST "\r\n");
    cr_expect_str_eq(talk_text(), "400");

    put_many("\r\n", 1000000);
    cr_expect_str_eq(talk_text(), "400");
    expect_canary();
}

Test(http_limits, a_body_is_as_large_as_its_route_allows)
{
    put("POST /echo HTTP/1.1\r\n" LAST "Content-Length: 65536\r\n\r\n");
    put_many("b", 65536);
    cr_expect_str_eq(talk_text(), "200");

    put("POST /echo HTTP/1.1\r\n" LAST "Content-Length: 65537\r\n\r\n");
    cr_expect_str_eq(talk_text(), "413"); /* before any of it has come */

    put("POST /echo HTTP/1.1\r\n" LAST "Content-Length: 1048576\r\n\r\n");
    put_many("b", 1 << 20);
    cr_expect_str_eq(talk_text(), "413"); /* and heard though it sends on */

    put("POST /small HTTP/1.1\r\n" LAST "Transfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n");
    cr_expect_str_eq(talk_text(), "200");

    put("POST /small HTTP/1.1\r\n" LAST "Transfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n6\r\n");
    cr_expect_str_eq(talk_text(), "413");

    put("POST /echo HTTP/1.1\r\n" LAST "Transfer-Encoding: chunked\r\n\r\n");
    put_many("1\r\nb\r\n", 65537);
    cr_expect_str_eq(talk_text(), "413");
    expect_canary();
}

/* H-058 */
Test(http_limits, a_refused_body_is_swallowed_up_to_64_kib)
{
    put("POST /private HTTP/1.1\r\n" HOST "Content-Length: 65536\r\n\r\n");
    put_many("GET /hello HTTP/1.1\r\n\r\n", 65536 / 23);
    put_many("x", 65536 % 23);
    put("GET /empty HTTP/1.1\r\n" LAST "\r\n");
    cr_expect_str_eq(talk_text(), "401 204");

    put("POST /private HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n");
    put_many("GET /hello HTTP/1.1\r\n\r\n", 3000);
    cr_expect_str_eq(talk_text(), "401");

    put("POST /no HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
        "10000\r\n");
    put_many("b", 65536);
    put("\r\n1\r\nb\r\n0\r\n\r\nGET /hello HTTP/1.1\r\n" LAST "\r\n");
    cr_expect_str_eq(talk_text(), "404");
    cr_expect(handled == 1);
    expect_canary();
}

/* H-013, H-014 */
Test(http_limits, chunk_sizes_and_extensions_are_bounded)
{
#define CHUNKED "POST /echo HTTP/1.1\r\n" LAST "Transfer-Encoding: chunked\r\n\r\n"
    put(CHUNKED);
    put_many("0", 15);
    put("1\r\nb\r\n0\r\n\r\n");
    cr_expect_str_eq(talk_text(), "200");

    put(CHUNKED);
    put_many("0", 4096);
    put("1\r\nb\r\n0\r\n\r\n");
    cr_expect_str_eq(talk_text(), "400");

    put(CHUNKED "1;a=");
    put_many("b", 4000);
    put("\r\nb\r\n0\r\n\r\n");
    cr_expect_str_eq(talk_text(), "200");

    put(CHUNKED "1;a=");
    put_many("b", 4094);
    put("\r\nb\r\n0\r\n\r\n");
    cr_expect_str_eq(talk_text(), "400");

    put(CHUNKED "1;a=");
    put_many("b", 65536);
    cr_expect_str_eq(talk_text(), "400");

    put(CHUNKED);
    put_many("1;a\r\nb\r\n", 100000);
    cr_expect_str_eq(talk_text(), "400");

    put(CHUNKED "1;");
    put_many("a;", 1000000);
    cr_expect_str_eq(talk_text(), "400");

    put(CHUNKED "0\r\n");
    put_many("X: y\r\n", 100000);
    cr_expect_str_eq(talk_text(), "400");
    expect_canary();
}

/* H-065 */
Test(http_limits, a_query_has_at_most_a_hundred_parameters)
{
    put("GET /hello?a=b");
    put_many("&a=b", 99);
    put(" HTTP/1.1\r\n" LAST "\r\n");
    cr_expect_str_eq(talk_text(), "200");

    put("GET /hello?a=b");
    put_many("&a=b", 100);
    put(" HTTP/1.1\r\n" LAST "\r\n");
    cr_expect_str_eq(talk_text(), "400");

    put("GET /hello?a=b");
    put_many("&a=b", 10000);
    put(" HTTP/1.1\r\n" LAST "\r\n");
    cr_expect_str_eq(talk_text(), "414");
}
