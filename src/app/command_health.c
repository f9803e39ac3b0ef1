/* A health check is a program of its own in a container's life: it starts, asks
 * one question over one socket and ends. So everything blocks, and one alarm
 * bounds all of it, the look-up of the name included. */
#include "app/command_line.h"
#include "app/service.h"
#include "base/config.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMEOUT_S = 3, TIMEOUT_MAX_S = 300, ANSWER_MAX = 16 * 1024, REQUEST_MAX = 2048 };

/* "http://[::1]:8000/x" is host "::1", port "8000", authority "[::1]:8000" and
 * path "/x". */
struct url {
    struct str authority, host, port;
    struct str path; /* absent: none or just "/" */
};

struct answer {
    char bytes[ANSWER_MAX];
    size_t len;
    uint64_t status;
    struct str body;
};

static bool url_clean(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] == 0x7f || strchr("\"<>\\^`{|}@#", text.at[i]))
            return false;
    return true;
}

/* What is wrong with it, or NULL. */
static const char *url_parse(struct str text, struct url *url)
{
    uint64_t port;

    if (str_starts(text, STR("https://"))) return "https is not spoken here; ask the plain port";
    if (!str_starts(text, STR("http://"))) return "it must begin with http://";
    if (!url_clean(text)) return "it holds characters that no address holds";

    struct str rest = str_from(text, sizeof "http://" - 1);
    ptrdiff_t slash = str_find(rest, '/');
    url->authority = str_upto(rest, slash < 0 ? rest.len : (size_t)slash);
    url->path =
        slash < 0 || (size_t)slash + 1 == rest.len ? STR_NONE : str_from(rest, (size_t)slash);
    url->port = url->authority;
    if (str_starts(url->authority, STR("["))) {
        url->port = str_from(url->authority, 1);
        url->host = str_cut(&url->port, ']');
        if (!url->port.at) return "a ']' is missing";
        if (url->port.len && url->port.at[0] != ':') return "only a port can follow the ']'";
        url->port = url->port.len ? str_from(url->port, 1) : STR_NONE;
    } else {
        url->host = str_cut(&url->port, ':');
    }
    if (!url->host.len) return "the host is missing";
    if (!url->port.at) url->port = STR("80");
    if (!str_u64(url->port, &port) || port < 1 || port > 65535)
        return "the port is not a number from 1 to 65535";
    return NULL;
}

static void on_alarm(int number)
{
    static const char late[] = "postern: no answer in time\n";

    (void)number;
    (void)!write(STDERR_FILENO, late, sizeof late - 1);
    _exit(EXIT_FAILED);
}

/* A connected socket, or -1 and it has been said why. */
static int dial(const struct url *url)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
    char host[256], port[8];
    int fd = -1;

    snprintf(host, sizeof host, STR_FMT, STR_ARG(url->host));
    snprintf(port, sizeof port, STR_FMT, STR_ARG(url->port));
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed) {
        command_say("there is no host '%s': %s", host, gai_strerror(failed));
        return -1;
    }
    for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen) == 0) continue;
        close(fd);
        fd = -1;
    }
    if (fd < 0) command_say("nothing answers at %s port %s: %s", host, port, strerror(errno));
    freeaddrinfo(found);
    return fd;
}

static bool send_request(int fd, const struct url *url, struct str path)
{
    char text[REQUEST_MAX];
    int len = snprintf(text, sizeof text,
                       "GET " STR_FMT " HTTP/1.1\r\n"
                       "Host: " STR_FMT "\r\n"
                       "User-Agent: postern-health\r\n"
                       "Connection: close\r\n\r\n",
                       STR_ARG(path), STR_ARG(url->authority));

    if (len >= (int)sizeof text) {
        command_say("the address is too long");
        return false;
    }
    if (send(fd, text, (size_t)len, MSG_NOSIGNAL) == len) return true;
    command_say("the question cannot be sent: %s", strerror(errno));
    return false;
}

/* Reads to the end, or as much as there is room for; RFC 9112 4. */
static bool read_answer(int fd, struct answer *a)
{
    ssize_t n;

    a->len = 0;
    while (a->len < sizeof a->bytes &&
           (n = recv(fd, a->bytes + a->len, sizeof a->bytes - a->len, 0)) > 0)
        a->len += (size_t)n;

    struct str text = { a->bytes, a->len };
    struct str digits = str_upto(str_from(text, sizeof "HTTP/1.1 " - 1), 3);
    if (!str_starts(text, STR("HTTP/1.")) || !str_u64(digits, &a->status) || digits.len < 3) {
        command_say("what answers there does not speak HTTP/1.1");
        return false;
    }
    const char *end = memmem(text.at, text.len, "\r\n\r\n", 4);
    a->body = end ? str_from(text, (size_t)(end - text.at) + 4) : STR("");
    return true;
}

static bool ask(const struct url *url, struct str path, struct answer *a)
{
    int fd = dial(url);

    if (fd < 0) return false;
    bool done = send_request(fd, url, path) && read_answer(fd, a);
    close(fd);
    return done;
}

/* Where this configuration's server listens; loopback when that is everywhere. */
static bool configured_url(struct str *url)
{
    static char text[512];

    if (!service_configure()) return false;
    if (config.port == 0) {
        command_say("PORT is 0, so the server took any; say --url");
        return false;
    }
    struct str host = config.host;
    if (str_eq(host, STR("0.0.0.0"))) host = STR("127.0.0.1");
    if (str_eq(host, STR("::"))) host = STR("::1");
    bool brackets = str_find(host, ':') >= 0;
    snprintf(text, sizeof text, "http://%s" STR_FMT "%s:%d", brackets ? "[" : "", STR_ARG(host),
             brackets ? "]" : "", config.port);
    *url = str_of(text);
    return true;
}

static void print_json(const struct url *url, struct str path, const struct answer *a)
{
    struct buf out;

    buf_init(&out, 64 * 1024);
    json_begin(&out);
    json_put_bool(&out, "healthy", a->status == 200);
    json_put_int(&out, "status", (int64_t)a->status);
    json_put_text(&out, "host", url->authority);
    json_put_text(&out, "path", path);
    json_end(&out);
    command_print_json(&out);
}

/* The body names the part that fails. */
static int judge(bool json, const struct url *url, struct str path, const struct answer *a)
{
    if (json) print_json(url, path, a);
    if (a->status == 200) {
        if (!json) puts("ok");
        return EXIT_DONE;
    }
    fprintf(stderr, "postern: " STR_FMT " answers %u: ", STR_ARG(path), (unsigned)a->status);
    command_put_text(stderr, a->body);
    fputc('\n', stderr);
    return EXIT_FAILED;
}

/* Absent: there is no such check. */
static struct str path_of(struct str check)
{
    if (str_eq(check, STR("ready"))) return STR("/health/ready");
    if (str_eq(check, STR("live"))) return STR("/health/live");
    if (str_eq(check, STR("startup"))) return STR("/health/startup");
    return STR_NONE;
}

int command_health(int argc, char **argv)
{
    static struct answer answer;
    struct str text = STR_NONE, check = STR_NONE;
    int64_t timeout_s = TIMEOUT_S;
    bool json = false;
    struct url url;
    const struct option_row options[] = {
        { "url", OPTION_TEXT, &text },
        { "timeout", OPTION_NUMBER, &timeout_s, 1, TIMEOUT_MAX_S },
        { "output", OPTION_OUTPUT, &json },
        { "CHECK", OPTION_EXTRA, &check },
        { 0 },
    };

    if (!command_read("health", argc, argv, options)) return EXIT_USAGE;
    struct str path = path_of(check.at ? check : STR("ready"));
    if (!path.at)
        return command_misused("health", "health knows live, ready and startup, not '%s'",
                               check.at);
    if (!text.at && !configured_url(&text)) return EXIT_FAILED;
    const char *wrong = url_parse(text, &url);
    if (wrong) return command_misused("health", "'%s' cannot be asked: %s", text.at, wrong);
    if (url.path.at && check.at)
        return command_misused("health", "the URL has a path, so '%s' asks for nothing", check.at);
    if (url.path.at) path = url.path;

    signal(SIGALRM, on_alarm);
    alarm((unsigned)timeout_s);
    return ask(&url, path, &answer) ? judge(json, &url, path, &answer) : EXIT_FAILED;
}
