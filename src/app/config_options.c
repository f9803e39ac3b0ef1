/* Each option is a row: how its text is read, where the value goes, its default
 * and its bounds. What concerns more than one option is a rule, further down.
 * A reader complains or puts the value in its place, never both. */
#include "config_options.h"

#include "app/cores.h"
#include "driver/password.h"

#include <arpa/inet.h>

enum { DAY_MS = 86400000, PASSWORD_LENGTH_MIN = 8 };
enum { ISSUER_MAX = 512 }; /* bytes; it is in every token twice (core/token.c) */

/* --- readers ---------------------------------------------------------------- */

static void *place(struct loading *l, const struct option *o)
{
    return (char *)&l->readings + o->offset;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] < ' ' || s.at[i] == 0x7f) return true;
    return false;
}

static void read_text(struct loading *l, const struct option *o, struct str text)
{
    if (has_control(text))
        option_complain(l, o, "a control character is in it");
    else
        *(struct str *)place(l, o) = text;
}

/* min and max: bytes. */
static void read_secret(struct loading *l, const struct option *o, struct str text)
{
    if (has_control(text))
        option_complain(l, o, "a control character or a second line is in it");
    else if ((int64_t)text.len < o->min || (int64_t)text.len > o->max)
        option_complain(l, o, "is %zu bytes long; %lld to %lld are accepted", text.len,
                        (long long)o->min, (long long)o->max);
    else
        ((struct secret *)place(l, o))->text = text;
}

static void read_int(struct loading *l, const struct option *o, struct str text)
{
    int64_t n;

    if (str_i64(text, &n) && n >= o->min && n <= o->max)
        *(int *)place(l, o) = (int)n;
    else
        option_complain(l, o, STR_FMT " is not a whole number from %lld to %lld",
                        STR_ARG(shown(l, text)), (long long)o->min, (long long)o->max);
}

static void read_bool(struct loading *l, const struct option *o, struct str text)
{
    static const char *const words[] = { "false", "true", "0", "1", "no", "yes", "off", "on" };

    for (size_t i = 0; i < COUNT(words); i++)
        if (str_eq_nocase(text, str_of(words[i]))) {
            *(bool *)place(l, o) = i % 2;
            return;
        }
    option_complain(l, o, STR_FMT " is not true or false (also: 1 0 yes no on off)",
                    STR_ARG(shown(l, text)));
}

/* The word's number, in the order of the option's enum; -1 after complaining.
 * The setting becomes the word itself, which lives for ever. */
static int choice(struct loading *l, const struct option *o, struct str text)
{
    struct str accepted = STR("");

    for (int i = 0; o->words[i]; i++) {
        if (str_eq_nocase(text, str_of(o->words[i]))) {
            option_setting(l, o->name)->text = str_of(o->words[i]);
            return i;
        }
        accepted =
            arena_fmt(l->arena, STR_FMT "%s%s", STR_ARG(accepted), i ? ", " : "", o->words[i]);
    }
    option_complain(l, o, STR_FMT " is not one of " STR_FMT, STR_ARG(shown(l, text)),
                    STR_ARG(accepted));
    return -1;
}

static void read_environment(struct loading *l, const struct option *o, struct str text)
{
    int i = choice(l, o, text);
    if (i >= 0) l->readings.config.environment = (enum environment)i;
}

static void read_algorithm(struct loading *l, const struct option *o, struct str text)
{
    int i = choice(l, o, text);
    if (i >= 0) l->readings.config.jwt_algorithm = (enum alg)i;
}

static void read_log_level(struct loading *l, const struct option *o, struct str text)
{
    int i = choice(l, o, text);
    if (i >= 0) l->readings.config.log_level = (enum log_level)i;
}

static void read_log_format(struct loading *l, const struct option *o, struct str text)
{
    l->readings.config.log_json = choice(l, o, text) == 1;
}

static bool is_ip(struct str host)
{
    char text[INET6_ADDRSTRLEN], address[sizeof(struct in6_addr)];

    if (host.len >= sizeof text) return false;
    memcpy(text, host.at, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static void read_host(struct loading *l, const struct option *o, struct str text)
{
    if (str_eq(text, STR("localhost"))) text = STR("127.0.0.1");
    if (is_ip(text))
        *(struct str *)place(l, o) = text;
    else
        option_complain(l, o, STR_FMT " is not an IPv4 or IPv6 address, nor \"localhost\"",
                        STR_ARG(shown(l, text)));
}

static bool consists_of(struct str s, const char *also)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || !strchr(also, c))) return false;
    }
    return true;
}

static void read_host_names(struct loading *l, const struct option *o, struct str text)
{
    for (struct str rest = text; rest.at;) {
        struct str name = str_trim(str_cut(&rest, ','));
        if (name.len == 0 || name.len > 253 || !consists_of(name, "-.")) {
            option_complain(l, o, STR_FMT " is not a host name (without port)",
                            STR_ARG(shown(l, name)));
            return;
        }
    }
    *(struct str *)place(l, o) = text;
}

/* Cuts "host:port" or "[host]:port" in two; port is absent without a colon. */
static struct str cut_authority(struct str authority, struct str *port)
{
    ptrdiff_t bracket = str_find(authority, ']');
    struct str behind = str_from(authority, (size_t)(bracket + 1));
    ptrdiff_t colon = str_find(behind, ':');

    *port = colon < 0 ? STR_NONE : str_from(behind, (size_t)colon + 1);
    return colon < 0 ? authority : str_upto(authority, (size_t)(bracket + 1 + colon));
}

static bool is_url_host(struct str host)
{
    if (host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
        return is_ip(str_upto(str_from(host, 1), host.len - 2));
    for (size_t i = 0; i < host.len; i++)
        if (host.at[i] >= 'A' && host.at[i] <= 'Z') return false;
    return host.len && host.len <= 253 && consists_of(host, "-.");
}

static struct str url_host(struct str url)
{
    struct str port, rest = str_from(url, str_starts(url, STR("https://")) ? 8 : 7);
    return cut_authority(str_cut(&rest, '/'), &port);
}

/* What keeps this from being an issuer (RFC 8414 2); NULL: nothing. */
static const char *issuer_fault(struct str url)
{
    uint64_t number;
    struct str port;

    if (!str_starts(url, STR("http://")) && !str_starts(url, STR("https://")))
        return "does not begin with http:// or https://";
    if (url.len > ISSUER_MAX) return "is too long";
    if (str_find(url, '?') >= 0 || str_find(url, '#') >= 0) return "has a query or a fragment";
    if (str_ends(url, STR("/"))) return "ends with a slash";
    struct str path = str_from(url, str_starts(url, STR("https://")) ? 8 : 7);
    struct str authority = str_cut(&path, '/');
    if (str_find(authority, '@') >= 0) return "has a user name in it";
    struct str host = cut_authority(authority, &port);
    if (!is_url_host(host)) return "has no host, or not one in lower case";
    if (port.at && (!str_u64(port, &number) || number < 1 || number > 65535))
        return "has a port that is none";
    if (!consists_of(path, "-._~!$&'()*+,;=:@/%")) return "has a character that is not of a URL";
    return NULL;
}

static void read_public_url(struct loading *l, const struct option *o, struct str text)
{
    const char *fault = issuer_fault(text);

    if (fault)
        option_complain(l, o, STR_FMT " %s; accepted are forms like https://id.example.com",
                        STR_ARG(shown(l, text)), fault);
    else
        *(struct str *)place(l, o) = text;
}

/* sqlite:///absolute.db, sqlite://./relative.db, sqlite:///./relative.db */
static void read_database(struct loading *l, const struct option *o, struct str text)
{
    struct str path = str_from(text, 9);

    /* Anything else may hold a password and is not shown. */
    if (str_starts(text, STR("postgresql://")) || str_starts(text, STR("postgres://")) ||
        str_starts(text, STR("mysql://"))) {
        option_complain(l, o, "this version stores in SQLite only; use sqlite:///path/to/file.db");
        return;
    }
    if (!str_starts(text, STR("sqlite://"))) {
        option_complain(l, o,
                        "the scheme is unknown; accepted are sqlite:///absolute.db and"
                        " sqlite://./relative.db");
        return;
    }
    if (str_starts(path, STR("/./"))) path = str_from(path, 1);
    bool placed = str_starts(path, STR("/")) || str_starts(path, STR("./"));
    if (!placed || path.len < 2 || str_ends(path, STR("/")) || str_ends(path, STR(":memory:")) ||
        has_control(path) || str_find(path, '?') >= 0 || str_find(path, '#') >= 0 ||
        str_find(path, '%') >= 0)
        option_complain(l, o,
                        STR_FMT " names no file plainly; accepted are sqlite:///absolute.db"
                                " and sqlite://./relative.db",
                        STR_ARG(shown(l, text)));
    else
        *(struct str *)place(l, o) = path;
}

/* Whether mail can get there is for others to find out. */
static void read_email(struct loading *l, const struct option *o, struct str text)
{
    ptrdiff_t at = str_find(text, '@');
    bool one =
        at > 0 && (size_t)at + 1 < text.len && str_find(str_from(text, (size_t)at + 1), '@') < 0;

    if (!one || text.len > 254 || has_control(text) || str_find(text, ' ') >= 0)
        option_complain(l, o, STR_FMT " is not an e-mail address", STR_ARG(shown(l, text)));
    else
        *(struct str *)place(l, o) = text;
}

/* --- defaults that depend on the options above ------------------------------ */

static bool is_deployed(const struct loading *l)
{
    enum environment e = l->readings.config.environment;
    return e == PRODUCTION || e == STAGING;
}

static struct str make_host(const struct loading *l)
{
    return is_deployed(l) ? STR("0.0.0.0") : STR("127.0.0.1");
}

/* Any port: nobody knows yet which. */
static struct str make_public_url(const struct loading *l)
{
    if (l->readings.config.port == 0) return STR_NONE;
    return arena_fmt(l->arena, "http://127.0.0.1:%d", l->readings.config.port);
}

static struct str make_database(const struct loading *l)
{
    struct str dir = l->readings.config.data_dir;
    bool placed = str_starts(dir, STR("/")) || str_starts(dir, STR("./"));

    return arena_fmt(l->arena, "sqlite://%s" STR_FMT "%spostern.db", placed ? "" : "./",
                     STR_ARG(dir), str_ends(dir, STR("/")) ? "" : "/");
}

static struct str make_absolute_days(const struct loading *l)
{
    int idle = l->readings.refresh_idle_days;
    return arena_fmt(l->arena, "%d", idle > 90 ? idle : 90);
}

static struct str make_concurrency(const struct loading *l)
{
    unsigned cores = cores_available();
    return arena_fmt(l->arena, "%u", cores < 64 ? cores : 64);
}

static struct str make_log_level(const struct loading *l)
{
    return l->readings.config.debug ? STR("DEBUG") : STR("INFO");
}

static struct str make_log_format(const struct loading *l)
{
    return is_deployed(l) ? STR("json") : STR("text");
}

/* --- the table -------------------------------------------------------------- */

static const char *const environments[] = { "development", "staging", "production", "testing",
                                            NULL };
static const char *const algorithms[] = { "RS256", "PS256", "ES256", "EdDSA", "HS256", NULL };
static const char *const log_levels[] = { "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", NULL };
static const char *const log_formats[] = { "text", "json", NULL };

#define AT(member) .offset = offsetof(struct readings, member)
#define IN(member) AT(config.member)

/* clang-format off */
const struct option options[] = {
    { "ENVIRONMENT", read_environment, .standard = "development", .words = environments },
    { "DEBUG", read_bool, IN(debug), .standard = "false" },
    { "HOST", read_host, IN(host), .make = make_host },
    { "PORT", read_int, IN(port), .standard = "8000", .max = 65535 },
    { "PUBLIC_URL", read_public_url, IN(public_url), .make = make_public_url },
    { "ALLOWED_HOSTS", read_host_names, IN(allowed_hosts) },

    { "DATA_DIR", read_text, IN(data_dir), .standard = "./data" },
    { "DATABASE_URL", read_database, IN(database_path), .make = make_database, .file = true },
    { "MASTER_KEY", read_secret, IN(master_key), .min = 32, .max = 4096, .secret = true, .file = true },
    { "ADMIN_EMAIL", read_email, IN(admin_email), .standard = "admin@postern.localhost" },
    { "ADMIN_PASSWORD", read_secret, IN(admin_password), .min = 1, .max = 1024, .secret = true, .file = true },

    { "JWT_ALGORITHM", read_algorithm, .standard = "RS256", .words = algorithms },
    { "JWT_SECRET_KEY", read_secret, IN(jwt_secret_key), .min = 32, .max = 4096, .secret = true, .file = true },
    { "ACCESS_TOKEN_EXPIRE_MINUTES", read_int, AT(access_minutes), .standard = "10", .min = 1, .max = 1440 },
    { "JWT_EXPIRATION_HOURS", read_int, AT(access_hours), .min = 1, .max = 24 },
    { "REFRESH_TOKEN_EXPIRE_DAYS", read_int, AT(refresh_idle_days), .standard = "30", .min = 1, .max = 3650 },
    { "REFRESH_TOKEN_ABSOLUTE_DAYS", read_int, AT(refresh_absolute_days), .make = make_absolute_days, .min = 1, .max = 3650 },
    { "REFRESH_TOKEN_GRACE_SECONDS", read_int, AT(refresh_grace_s), .standard = "30", .max = 300 },

    { "PASSWORD_MIN_LENGTH", read_int, IN(password_min_length), .standard = "8", .min = 1, .max = 128 },
    { "PASSWORD_REQUIRE_UPPERCASE", read_bool, IN(password_require_uppercase), .standard = "false" },
    { "PASSWORD_REQUIRE_NUMBERS", read_bool, IN(password_require_numbers), .standard = "false" },
    { "PASSWORD_REQUIRE_SPECIAL_CHARS", read_bool, IN(password_require_special), .standard = "false" },
    { "ARGON2_MEMORY_KIB", read_int, IN(argon2_memory_kib), .standard = "19456", .min = 8, .max = ARGON2_MEMORY_KIB_MAX },
    { "ARGON2_TIME_COST", read_int, IN(argon2_time_cost), .standard = "2", .min = 1, .max = ARGON2_TIME_COST_MAX },
    { "ARGON2_PARALLELISM", read_int, IN(argon2_parallelism), .standard = "1", .min = 1, .max = ARGON2_PARALLELISM_MAX },
    { "ARGON2_CONCURRENCY", read_int, IN(argon2_concurrency), .make = make_concurrency, .min = 1, .max = 64 },

    { "LOG_LEVEL", read_log_level, .make = make_log_level, .words = log_levels, .reloadable = true },
    { "LOG_FORMAT", read_log_format, .make = make_log_format, .words = log_formats },
    { "LOG_FILE", read_text, IN(log_file) },
    { 0 },
};
/* clang-format on */

_Static_assert(COUNT(options) - 1 == OPTIONS, "config_options.h says how many options there are");

const struct option *option_find(struct str name)
{
    for (const struct option *o = options; o->name; o++)
        if (str_eq(name, str_of(o->name))) return o;
    return NULL;
}

struct setting *option_setting(struct loading *l, const char *name)
{
    return &l->settings[option_find(str_of(name)) - options];
}

/* --- rules ------------------------------------------------------------------ */

static void complain(struct loading *l, const char *name, const char *fmt, ...) PRINTF(3, 4);
static void complain(struct loading *l, const char *name, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    struct str text = arena_vfmt(l->arena, fmt, args);
    va_end(args);
    option_complain(l, option_find(str_of(name)), STR_FMT, STR_ARG(text));
}

static bool is_set(struct loading *l, const char *name)
{
    const struct setting *s = option_setting(l, name);
    return s->text.at && s->source != FROM_DEFAULT;
}

/* JWT_EXPIRATION_HOURS is the older name of ACCESS_TOKEN_EXPIRE_MINUTES. */
static void check_lifetimes(struct loading *l)
{
    struct readings *r = &l->readings;

    if (r->access_hours) {
        int minutes = r->access_hours * 60;
        if (is_set(l, "ACCESS_TOKEN_EXPIRE_MINUTES") && r->access_minutes != minutes)
            complain(l, "JWT_EXPIRATION_HOURS",
                     "means %d minutes, but ACCESS_TOKEN_EXPIRE_MINUTES is %d; set one of them",
                     minutes, r->access_minutes);
        r->access_minutes = minutes;
    }
    if (r->refresh_absolute_days < r->refresh_idle_days)
        complain(l, "REFRESH_TOKEN_ABSOLUTE_DAYS",
                 "%d is less than REFRESH_TOKEN_EXPIRE_DAYS, which is %d", r->refresh_absolute_days,
                 r->refresh_idle_days);
    r->config.access_token_ttl_s = r->access_minutes * 60;
    r->config.refresh_idle_ms = (int64_t)r->refresh_idle_days * DAY_MS;
    r->config.refresh_absolute_ms = (int64_t)r->refresh_absolute_days * DAY_MS;
    r->config.refresh_grace_ms = (int64_t)r->refresh_grace_s * 1000;
}

static void check_key(struct loading *l)
{
    bool set = is_set(l, "JWT_SECRET_KEY"), needed = l->readings.config.jwt_algorithm == ALG_HS256;

    if (needed && !set)
        complain(l, "JWT_SECRET_KEY",
                 "is not set, but JWT_ALGORITHM is HS256; at least 32 bytes,"
                 " or their file as JWT_SECRET_KEY_FILE");
    if (set && !needed)
        report_warning(l->report, "JWT_SECRET_KEY is not used: JWT_ALGORITHM is " STR_FMT,
                       STR_ARG(option_setting(l, "JWT_ALGORITHM")->text));
}

/* The least memory for each number of passes that the OWASP password storage
 * cheat sheet holds to be equally strong. Tests may be faster than safe. */
static void check_argon2(struct loading *l)
{
    static const int least_kib[] = { 0, 47104, 19456, 12288, 9216, 7168 };
    const struct config *c = &l->readings.config;
    size_t passes = (size_t)c->argon2_time_cost;
    int least = least_kib[passes < COUNT(least_kib) ? passes : COUNT(least_kib) - 1];

    if (c->argon2_memory_kib < 8 * c->argon2_parallelism) /* RFC 9106 3.1 */
        complain(l, "ARGON2_MEMORY_KIB", "%d is less than 8 times ARGON2_PARALLELISM",
                 c->argon2_memory_kib);
    else if (c->environment != TESTING && c->argon2_memory_kib < least)
        complain(l, "ARGON2_MEMORY_KIB", "%d is too little with ARGON2_TIME_COST %zu; at least %d",
                 c->argon2_memory_kib, passes, least);
}

static void check_password_length(struct loading *l)
{
    const struct config *c = &l->readings.config;

    if (c->environment != TESTING && c->password_min_length < PASSWORD_LENGTH_MIN)
        complain(l, "PASSWORD_MIN_LENGTH", "%d is not a whole number from %d to 128",
                 c->password_min_length, PASSWORD_LENGTH_MIN);
}

static void check_issuer(struct loading *l)
{
    const struct config *c = &l->readings.config;

    if (!c->public_url.at)
        complain(l, "PUBLIC_URL", "has to be set when PORT is 0: tokens name it as their issuer");
}

static bool is_loopback(struct str host)
{
    return str_eq(host, STR("localhost")) || str_ends(host, STR(".localhost")) ||
           str_eq(host, STR("[::1]")) || (str_starts(host, STR("127.")) && is_ip(host));
}

static void check_production(struct loading *l)
{
    const struct config *c = &l->readings.config;
    bool plain = str_starts(c->public_url, STR("http://"));

    if (c->environment != PRODUCTION) return;
    if (plain && !is_loopback(url_host(c->public_url)))
        complain(l, "PUBLIC_URL",
                 STR_FMT " would send tokens in the clear; https:// is"
                         " accepted in production",
                 STR_ARG(shown(l, c->public_url)));
    if (!is_set(l, "PUBLIC_URL"))
        report_warning(l->report,
                       "PUBLIC_URL is not set: tokens will name " STR_FMT " as their issuer",
                       STR_ARG(c->public_url));
    if (c->debug) report_warning(l->report, "DEBUG is on in production");
}

void options_check(struct loading *l)
{
    check_lifetimes(l);
    check_key(l);
    check_argon2(l);
    check_password_length(l);
    check_issuer(l);
    check_production(l);
}
