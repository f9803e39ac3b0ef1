/* http_line.c - the request line and the Host header, as text.
 *
 * llhttp is generous here (HTTP/0.9, HTTP/2.0, RTSP, two spaces, fragments,
 * any target), so this reads the line itself, strictly: one space each, an
 * origin-form target (or absolute-form, RFC 9112 3.2.2), and the characters of
 * RFC 3986. What it cannot read is refused, never repaired: two readers of one
 * line that differ are how requests are smuggled. */
#include "http_private.h"

#include "driver/unicode.h"

#include <arpa/inet.h>

#define METHOD_MAX 32
#define QUERY_PARAMS_MAX 100
#define HOST_MAX 253 /* RFC 1035 2.3.4, as text */
#define LABEL_MAX 63

/* What a byte may be part of. */
enum { TOKEN = 1, PATH = 2, QUERY = 4, HOST = 8, HEX = 16 };

/* clang-format off */
static const uint8_t kinds[256] = {
    ['0' ... '9'] = TOKEN | PATH | QUERY | HOST | HEX,
    ['A' ... 'F'] = TOKEN | PATH | QUERY | HOST | HEX,
    ['a' ... 'f'] = TOKEN | PATH | QUERY | HOST | HEX,
    ['G' ... 'Z'] = TOKEN | PATH | QUERY | HOST,
    ['g' ... 'z'] = TOKEN | PATH | QUERY | HOST,
    ['-'] = TOKEN | PATH | QUERY | HOST,
    ['.'] = TOKEN | PATH | QUERY | HOST,
    ['_'] = TOKEN | PATH | QUERY | HOST,
    ['!'] = TOKEN | PATH | QUERY, ['$'] = TOKEN | PATH | QUERY,
    ['&'] = TOKEN | PATH | QUERY, ['\''] = TOKEN | PATH | QUERY,
    ['*'] = TOKEN | PATH | QUERY, ['+'] = TOKEN | PATH | QUERY,
    ['~'] = TOKEN | PATH | QUERY, ['%'] = TOKEN | PATH | QUERY,
    ['('] = PATH | QUERY, [')'] = PATH | QUERY, [','] = PATH | QUERY,
    [';'] = PATH | QUERY, ['='] = PATH | QUERY, [':'] = PATH | QUERY,
    ['@'] = PATH | QUERY, ['/'] = PATH | QUERY,
    ['?'] = QUERY,
    ['#'] = TOKEN, ['^'] = TOKEN, ['`'] = TOKEN, ['|'] = TOKEN,
};
/* clang-format on */

static bool all_are(struct str s, uint8_t kind)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!(kinds[(uint8_t)s.at[i]] & kind)) return false;
    }
    return true;
}

static int hex_value(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Escapes are "%" and two hex digits, and what they stand for is text: UTF-8
 * without control characters. */
static bool escapes_are_text(struct str s)
{
    char decoded[512];
    size_t len = 0;

    if (str_find(s, '%') < 0) return true;
    for (size_t i = 0; i < s.len; i++) {
        int c = (uint8_t)s.at[i];

        if (c == '%') {
            if (s.len - i < 3 || !all_are(str_span(s.at + i + 1, 2), HEX)) return false;
            c = hex_value(s.at[i + 1]) << 4 | hex_value(s.at[i + 2]);
            if (c < 0x20 || c == 0x7f) return false;
            i += 2;
        }
        if (len == sizeof decoded) return false; /* no route has such a path */
        decoded[len++] = (char)c;
    }
    return utf8_valid(str_span(decoded, len));
}

/* In a query any byte may be escaped but NUL; who reads it looks closer. */
static bool query_is_fine(struct str s)
{
    unsigned params = 1;

    if (!all_are(s, QUERY)) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '&' && ++params > QUERY_PARAMS_MAX) return false;
        if (s.at[i] != '%') continue;
        struct str two = str_upto(str_from(s, i + 1), 2);
        if (two.len < 2 || !all_are(two, HEX) || str_eq(two, STR("00"))) return false;
    }
    return true;
}

static bool target_parse(struct str target, struct http_line *out)
{
    struct str scheme = str_upto(target, 8);

    if (str_eq(target, STR("*"))) { /* RFC 9112 3.2.4 */
        out->path = target;
        return str_eq(out->method, STR("OPTIONS"));
    }
    if (str_eq_nocase(scheme, STR("https://"))) {
        out->authority = str_from(target, 8);
    } else if (str_eq_nocase(str_upto(target, 7), STR("http://"))) {
        out->authority = str_from(target, 7);
    }
    if (out->authority.at) {
        ptrdiff_t slash = str_find(out->authority, '/');

        if (slash < 0) return false;
        target = str_from(out->authority, (size_t)slash);
        out->authority = str_upto(out->authority, (size_t)slash);
    }
    out->query = target;
    out->path = str_cut(&out->query, '?');
    if (!str_starts(out->path, STR("/")) || !all_are(out->path, PATH)) return false;
    return escapes_are_text(out->path) && query_is_fine(out->query);
}

static enum err version_parse(struct str version, struct http_line *out, const char **why)
{
    *why = "version";
    if (str_eq(version, STR("HTTP/1.1"))) {
        out->minor = 1;
        return OK;
    }
    if (str_eq(version, STR("HTTP/1.0"))) {
        out->minor = 0;
        return OK;
    }
    bool is_other = version.len == 8 && str_starts(version, STR("HTTP/")) && version.at[6] == '.';
    for (size_t i = 5; is_other && i < 8; i += 2) {
        is_other = version.at[i] >= '0' && version.at[i] <= '9';
    }
    return is_other ? E_HTTP_VERSION : E_BAD_REQUEST;
}

bool http_is_token(struct str s)
{
    return s.len > 0 && all_are(s, TOKEN);
}

bool http_line_plausible(struct str start)
{
    struct str method = str_cut(&start, ' ');

    if (!start.at) method = str_cut(&method, '\r'); /* an incomplete line */
    return method.len <= METHOD_MAX && all_are(method, TOKEN);
}

enum err http_line_parse(struct str line, struct http_line *out, const char **why)
{
    struct str rest = line;

    *out = (struct http_line){ .method = str_cut(&rest, ' ') };
    struct str target = str_cut(&rest, ' ');
    struct str version = rest;

    *why = "request_line";
    if (out->method.len > METHOD_MAX || !http_is_token(out->method)) return E_BAD_REQUEST;
    if (!target.at || target.len == 0 || !version.at) return E_BAD_REQUEST;
    TRY(version_parse(version, out, why));

    /* No route is theirs, and their targets are of another kind. */
    *why = "method";
    if (str_eq(out->method, STR("CONNECT"))) return E_BAD_METHOD;
    if (str_eq(out->method, STR("TRACK"))) return E_BAD_METHOD;

    *why = "target";
    return target_parse(target, out) ? OK : E_BAD_REQUEST;
}

static bool name_is_fine(struct str name)
{
    if (name.len == 0 || name.len > HOST_MAX || !all_are(name, HOST)) return false;
    while (name.at) {
        struct str label = str_cut(&name, '.');

        /* Only the root's label, behind a final dot, is empty. */
        if (label.len == 0 && name.at) return false;
        if (label.len > LABEL_MAX) return false;
    }
    return true;
}

static bool ipv6_is_fine(struct str text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (text.len >= sizeof copy) return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return inet_pton(AF_INET6, copy, &address) == 1;
}

bool http_host_parse(struct str value, struct str *host)
{
    ptrdiff_t end = str_starts(value, STR("[")) ? str_find(value, ']') + 1 : str_find(value, ':');
    struct str port = STR_NONE;

    *host = value;
    if (str_starts(value, STR("["))) {
        if (end == 0) return false;
        *host = str_upto(value, (size_t)end);
        port = str_from(value, (size_t)end);
        if (!ipv6_is_fine(str_span(host->at + 1, host->len - 2))) return false;
    } else {
        if (end >= 0) {
            *host = str_upto(value, (size_t)end);
            port = str_from(value, (size_t)end);
        }
        if (!name_is_fine(*host)) return false;
    }
    if (port.len == 0) return true;

    uint64_t number;
    port = str_from(port, 1);
    return value.at[host->len] == ':' &&
           (port.len == 0 || (str_u64(port, &number) && number <= 65535));
}
