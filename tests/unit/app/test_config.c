/* Each test runs in an empty directory with an empty environment, and says what
 * is in `.env` and in the environment. */
#include "app/config.h"
#include "app/cores.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static char home[] = "/tmp/postern-config-XXXXXX";
static struct config_report report;

static void set_up(void)
{
    clearenv();
    umask(077);
    cr_assert(mkdtemp(home) && chdir(home) == 0);
}

static void tear_down(void)
{
    config_report_done(&report);
    unlink(".env");
    unlink("secret");
    rmdir(home);
}

TestSuite(config, .init = set_up, .fini = tear_down);

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    cr_assert(fchmod(fd, mode) == 0);
    close(fd);
}

/* Of `.env` (NULL: none) and environment as they are. */
static bool load(const char *dotenv)
{
    config_report_done(&report);
    unlink(".env");
    if (dotenv) write_file(".env", dotenv, 0600);
    return config_load(&report);
}

static bool reports(bool error, const char *part)
{
    for (const struct config_line *line = report.first; line; line = line->next)
        if (line->error == error && memmem(line->text.at, line->text.len, part, strlen(part)))
            return true;
    return false;
}

static void expect_error(const char *dotenv, const char *part)
{
    cr_expect_not(load(dotenv), "%s", dotenv);
    cr_expect(report.errors == 1, "%s: %u errors", dotenv, report.errors);
    cr_expect(reports(true, part), "%s: " STR_FMT, dotenv,
              STR_ARG(report.first ? report.first->text : STR("no line")));
}

static void expect_fine(const char *dotenv)
{
    cr_expect(load(dotenv), "%s: " STR_FMT, dotenv,
              STR_ARG(report.first ? report.first->text : STR("no line")));
}

static bool is(struct str s, const char *value)
{
    return str_eq(s, str_of(value));
}

Test(config, nothing_set_gives_the_defaults)
{
    cr_assert(load(NULL));
    cr_expect(report.count == 0);
    cr_expect(config.environment == DEVELOPMENT && !config.debug);
    cr_expect(is(config.host, "127.0.0.1") && config.port == 8000);
    cr_expect(is(config.public_url, "http://127.0.0.1:8000"));
    cr_expect(config.allowed_hosts.len == 0);
    cr_expect(is(config.data_dir, "./data") && is(config.database_path, "./data/postern.db"));
    cr_expect(config.master_key.text.len == 0 && config.admin_password.text.len == 0);
    cr_expect(config.jwt_algorithm == ALG_RS256 && config.jwt_secret_key.text.len == 0);
    cr_expect(config.access_token_ttl_s == 600);
    cr_expect(config.refresh_idle_ms == INT64_C(30) * 86400000);
    cr_expect(config.refresh_absolute_ms == INT64_C(90) * 86400000);
    cr_expect(config.refresh_grace_ms == 30000);
    cr_expect(config.password_min_length == 8 && !config.password_require_uppercase &&
              !config.password_require_numbers && !config.password_require_special);
    cr_expect(config.argon2_memory_kib == 19456 && config.argon2_time_cost == 2 &&
              config.argon2_parallelism == 1);
    cr_expect(config.argon2_concurrency == (int)cores_available());
    cr_expect(config.log_level == LOG_INFO && !config.log_json && config.log_file.len == 0);
}

Test(config, production_has_defaults_of_its_own)
{
    expect_fine("ENVIRONMENT=production\nPUBLIC_URL=https://id.example.com\n");
    cr_expect(is(config.host, "0.0.0.0") && config.log_json);
    cr_expect(report.count == 0);
    expect_fine("ENVIRONMENT=production");
    cr_expect(reports(false, "PUBLIC_URL is not set"));
}

Test(config, every_option_can_be_set)
{
    cr_assert(load("ENVIRONMENT=staging\nDEBUG=yes\nHOST=::1\nPORT=0\n"
                   "PUBLIC_URL=https://id.example.com:8443/auth\nALLOWED_HOSTS=a.example, b\n"
                   "DATA_DIR=/srv/postern\nMASTER_KEY=0123456789abcdef0123456789abcdef\n"
                   "ADMIN_EMAIL=root@example.com\nADMIN_PASSWORD='correct horse'\n"
                   "JWT_ALGORITHM=hs256\nJWT_SECRET_KEY=ABCDEF0123456789abcdef0123456789\n"
                   "ACCESS_TOKEN_EXPIRE_MINUTES=5\nREFRESH_TOKEN_EXPIRE_DAYS=100\n"
                   "REFRESH_TOKEN_GRACE_SECONDS=0\nPASSWORD_MIN_LENGTH=12\n"
                   "PASSWORD_REQUIRE_UPPERCASE=on\nPASSWORD_REQUIRE_NUMBERS=1\n"
                   "PASSWORD_REQUIRE_SPECIAL_CHARS=TRUE\nARGON2_MEMORY_KIB=65536\n"
                   "ARGON2_TIME_COST=3\nARGON2_PARALLELISM=4\nARGON2_CONCURRENCY=7\n"
                   "LOG_LEVEL=warning\nLOG_FORMAT=text\nLOG_FILE=/var/log/postern.log\n"));
    cr_expect(report.count == 0);
    cr_expect(config.environment == STAGING && config.debug);
    cr_expect(is(config.host, "::1") && config.port == 0);
    cr_expect(is(config.public_url, "https://id.example.com:8443/auth"));
    cr_expect(is(config.allowed_hosts, "a.example, b"));
    cr_expect(is(config.database_path, "/srv/postern/postern.db"));
    cr_expect(is(config.master_key.text, "0123456789abcdef0123456789abcdef"));
    cr_expect(is(config.admin_email, "root@example.com"));
    cr_expect(is(config.admin_password.text, "correct horse"));
    cr_expect(config.jwt_algorithm == ALG_HS256);
    cr_expect(is(config.jwt_secret_key.text, "ABCDEF0123456789abcdef0123456789"));
    cr_expect(config.access_token_ttl_s == 300 && config.refresh_grace_ms == 0);
    cr_expect(config.refresh_idle_ms == INT64_C(100) * 86400000);
    cr_expect(config.refresh_absolute_ms == config.refresh_idle_ms);
    cr_expect(config.password_min_length == 12 && config.password_require_uppercase &&
              config.password_require_numbers && config.password_require_special);
    cr_expect(config.argon2_memory_kib == 65536 && config.argon2_time_cost == 3 &&
              config.argon2_parallelism == 4 && config.argon2_concurrency == 7);
    cr_expect(config.log_level == LOG_WARNING && !config.log_json);
    cr_expect(is(config.log_file, "/var/log/postern.log"));
}

Test(config, the_environment_wins_and_an_empty_value_is_none)
{
    setenv("PORT", "9000", 1);
    setenv("LOG_LEVEL", "", 1);
    expect_fine("PORT=8001\nLOG_LEVEL=ERROR\nHOST=\n");
    cr_expect(config.port == 9000 && config.log_level == LOG_ERROR);
    cr_expect(is(config.host, "127.0.0.1"));
}

/* P-014 */
Test(config, a_value_of_the_wrong_type_or_out_of_range_is_refused_with_its_line)
{
    expect_error("\nPORT=http\n", "PORT: \"http\" is not a whole number from 0 to 65535"
                                  " (.env line 2)");
    static const struct {
        const char *dotenv, *part;
    } rows[] = {
        { "PORT=65536", "from 0 to 65535" },
        { "PORT=-1", "from 0 to 65535" },
        { "PORT=80.0", "from 0 to 65535" },
        { "PORT=0x50", "from 0 to 65535" },
        { "PORT=99999999999999999999", "from 0 to 65535" },
        { "DEBUG=maybe", "is not true or false" },
        { "ENVIRONMENT=prod", "development, staging, production, testing" },
        { "LOG_LEVEL=TRACE", "DEBUG, INFO, WARNING, ERROR, CRITICAL" },
        { "JWT_ALGORITHM=none", "RS256, PS256, ES256, EdDSA, HS256" },
        { "HOST=example.com", "is not an IPv4 or IPv6 address" },
        { "HOST=127.0.0.256", "is not an IPv4 or IPv6 address" },
        { "ALLOWED_HOSTS=a,,b", "is not a host name" },
        { "ALLOWED_HOSTS=a:80", "is not a host name" },
        { "ADMIN_EMAIL=root", "is not an e-mail address" },
        { "ADMIN_EMAIL=a@b@c", "is not an e-mail address" },
        { "MASTER_KEY=short", "is 5 bytes long; 32 to 4096 are accepted" },
        { "REFRESH_TOKEN_GRACE_SECONDS=301", "from 0 to 300" },
        { "ACCESS_TOKEN_EXPIRE_MINUTES=0", "from 1 to 1440" },
        { "ARGON2_CONCURRENCY=65", "from 1 to 64" },
        { "LOG_FILE=\"a\\nb\"", "a control character" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) expect_error(rows[i].dotenv, rows[i].part);
}

/* P-014 */
Test(config, all_errors_are_reported_at_once)
{
    setenv("ARGON2_TIME_COST", "many", 1);
    cr_expect_not(load("PORT=x\nnonsense\nDEBUG=2\nHOSTT=1\nDEBUG=3\nLOG_FORMAT=xml\n"));
    cr_expect(report.errors == 7, "%u", report.errors);
    cr_expect(reports(true, "PORT: ") && reports(true, ".env line 2: not of the form"));
    cr_expect(reports(true, "DEBUG: ") && reports(true, "DEBUG was given before, in line 3"));
    cr_expect(reports(true, "HOSTT: is not known; did you mean HOST? (.env line 4)"));
    cr_expect(reports(true, "\"many\" is not a whole number from 1 to 16 (environment)"));
}

Test(config, an_error_leaves_the_configuration_as_it_was)
{
    expect_fine("PORT=8001");
    expect_error("PORT=x", "PORT");
    cr_expect(config.port == 8001);
}

/* P-014 */
Test(config, names_that_nobody_knows_are_refused_in_the_file_only)
{
    setenv("SOMETHING_ELSE", "1", 1);
    setenv("HOME", "/root", 1);
    setenv("PUBLIC_URI", "x", 1);
    expect_fine(NULL);
    cr_expect(report.count == 1);
    cr_expect(reports(false, "PUBLIC_URI is not known; did you mean PUBLIC_URL?"));
    unsetenv("PUBLIC_URI");
    expect_error("SOMETHING_ELSE=1", "SOMETHING_ELSE: is not known (.env line 1)");
    expect_error("port=1", "did you mean PORT?");
    expect_error("LOG_LEVEL_FILE=x", "is not known");
    expect_error("MASTER_KY_FILE=x", "did you mean MASTER_KEY?");
}

Test(config, parts_that_are_not_built_are_refused_or_said_to_be_unused)
{
    expect_error("REDIS_URL=redis://x", "this version keeps its cache in the process");
    expect_error("REDIS_URL_FILE=/x", "this version keeps its cache in the process");
    expect_error("TLS_CERT_FILE=/x", "this version does not speak TLS");
    expect_error("WORKERS=2", "this version runs one process");
    expect_error("RATE_LIMIT_SIGN_IN=5/m", "this version has no rate limits");
    expect_error("RATE_LIMIT_ENABLED=true", "this version has no rate limits");
    expect_error("DATABASE_URL=postgresql://u:hunter2@h/db", "SQLite only");
    cr_expect_not(reports(true, "hunter2"));
    expect_fine("WORKERS=1\nRATE_LIMIT_ENABLED=False\nENUMERATION_SAFE=off\nREDIS_URL=\n");
    cr_expect(report.count == 0);
    setenv("OTEL_SERVICE_NAME", "postern", 1);
    expect_fine("SMTP_URL=smtp://x\nOAUTH2_GOOGLE_CLIENT_SECRET_FILE=/x\nCORS_ORIGINS=*\n");
    cr_expect(report.count == 4);
    cr_expect(reports(false, "OTEL_SERVICE_NAME is not used by this version (environment)"));
}

Test(config, a_secret_can_come_from_a_file)
{
    write_file("secret", "0123456789abcdef0123456789abcdef\n", 0400);
    setenv("MASTER_KEY_FILE", "secret", 1);
    expect_fine(NULL);
    cr_expect(is(config.master_key.text, "0123456789abcdef0123456789abcdef"));
    /* Only one line end is not part of it; a second line is none of ours. */
    write_file("secret", "0123456789abcdef0123456789abcdef\r\n", 0400);
    expect_fine(NULL);
    cr_expect(config.master_key.text.len == 32);
    write_file("secret", "sqlite:///srv/x.db", 0440);
    clearenv();
    expect_fine("DATABASE_URL_FILE=secret");
    cr_expect(is(config.database_path, "/srv/x.db"));
}

/* P-014 */
Test(config, a_file_that_cannot_be_a_secret_is_refused)
{
    const char *dotenv = "MASTER_KEY_FILE=secret";

    expect_error(dotenv, "MASTER_KEY_FILE: secret cannot be read: No such file");
    write_file("secret", "0123456789abcdef0123456789abcdef", 0644);
    expect_error(dotenv, "everybody can read secret (mode 644)");
    write_file("secret", "0123456789abcdef0123456789abcdef", 0602);
    expect_error(dotenv, "everybody can read");
    write_file("secret", "\n", 0600);
    expect_error(dotenv, "secret is empty");
    write_file("secret", "0123456789abcdef\n0123456789abcdef", 0600);
    expect_error(dotenv, "a second line");
    expect_error("MASTER_KEY_FILE=/dev/zero", "not a regular file");
    expect_error("MASTER_KEY_FILE=.", "not a regular file");
}

/* P-014 */
Test(config, a_secret_given_in_two_ways_is_refused)
{
    write_file("secret", "0123456789abcdef0123456789abcdef", 0600);
    expect_error("MASTER_KEY=fedcba9876543210fedcba9876543210\nMASTER_KEY_FILE=secret",
                 "MASTER_KEY: MASTER_KEY_FILE is set too");
    setenv("MASTER_KEY", "fedcba9876543210fedcba9876543210", 1);
    expect_fine("MASTER_KEY_FILE=secret");
    cr_expect(config.master_key.text.at[0] == 'f', "the environment wins");
    unsetenv("MASTER_KEY");
    setenv("MASTER_KEY_FILE", "secret", 1);
    expect_fine("MASTER_KEY=fedcba9876543210fedcba9876543210");
    cr_expect(config.master_key.text.at[0] == '0', "the environment wins");
}

/* P-014 */
Test(config, hs256_needs_its_key)
{
    expect_error("JWT_ALGORITHM=HS256", "JWT_SECRET_KEY: is not set");
    expect_error("JWT_ALGORITHM=HS256\nJWT_SECRET_KEY=", "JWT_SECRET_KEY: is not set");
    expect_error("JWT_ALGORITHM=HS256\nJWT_SECRET_KEY=0123456789abcdef0123456789abcde",
                 "is 31 bytes long");
    expect_fine("JWT_SECRET_KEY=0123456789abcdef0123456789abcdef");
    cr_expect(reports(false, "JWT_SECRET_KEY is not used: JWT_ALGORITHM is RS256"));
}

Test(config, the_older_name_of_the_access_tokens_life_counts)
{
    expect_fine("JWT_EXPIRATION_HOURS=2");
    cr_expect(config.access_token_ttl_s == 7200);
    expect_fine("JWT_EXPIRATION_HOURS=1\nACCESS_TOKEN_EXPIRE_MINUTES=60");
    cr_expect(config.access_token_ttl_s == 3600);
    expect_error("JWT_EXPIRATION_HOURS=1\nACCESS_TOKEN_EXPIRE_MINUTES=10",
                 "means 60 minutes, but ACCESS_TOKEN_EXPIRE_MINUTES is 10");
}

Test(config, a_session_cannot_outlive_itself)
{
    expect_error("REFRESH_TOKEN_ABSOLUTE_DAYS=29", "29 is less than REFRESH_TOKEN_EXPIRE_DAYS");
    expect_fine("REFRESH_TOKEN_ABSOLUTE_DAYS=30");
    cr_expect(config.refresh_absolute_ms == config.refresh_idle_ms);
}

Test(config, weak_hashing_is_for_tests_only)
{
    expect_error("ARGON2_TIME_COST=1",
                 "19456 is too little with ARGON2_TIME_COST 1; at least 47104");
    expect_error("ARGON2_MEMORY_KIB=7167\nARGON2_TIME_COST=9", "at least 7168");
    expect_fine("ARGON2_MEMORY_KIB=7168\nARGON2_TIME_COST=5");
    expect_fine("ARGON2_MEMORY_KIB=47104\nARGON2_TIME_COST=1");
    expect_fine("ARGON2_MEMORY_KIB=262144\nARGON2_TIME_COST=16\nARGON2_PARALLELISM=16");
    expect_error("ARGON2_MEMORY_KIB=262145", "from 8 to 262144");
    expect_error("ARGON2_TIME_COST=17", "from 1 to 16");
    expect_fine("ENVIRONMENT=testing\nARGON2_MEMORY_KIB=16\nARGON2_TIME_COST=1\n"
                "ARGON2_PARALLELISM=2\nPASSWORD_MIN_LENGTH=1");
    expect_error("ENVIRONMENT=testing\nARGON2_MEMORY_KIB=15\nARGON2_PARALLELISM=2",
                 "15 is less than 8 times ARGON2_PARALLELISM");
    expect_error("PASSWORD_MIN_LENGTH=7", "from 8 to 128");
}

/* P-014: an issuer without TLS. */
Test(config, the_public_url_must_be_an_issuer)
{
    static const char *const bad[] = {
        "id.example.com",     "ftp://id.example.com",
        "https://",           "https://x/",
        "https://x?a=b",      "https://x#a",
        "https://u:p@x",      "https://x:0",
        "https://x:65536",    "https://x:",
        "https://X",          "https://x/a b",
        "https://[::1",       "https://[::g]",
        "https://x/a/",       "https://x:80:80",
        "https:///path",      "HTTPS://x",
        "https://x\\y",       "https://[::1]x",
        "https://x/\xc3\xa9",
    };
    static const char *const good[] = { "https://x", "https://x:8443/a/b", "https://[::1]:80",
                                        "http://10.0.0.1", "http://localhost:8000" };
    char dotenv[128];

    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(dotenv, sizeof dotenv, "PUBLIC_URL='%s'", bad[i]);
        expect_error(dotenv, "accepted are forms like https://id.example.com (.env line 1)");
    }
    for (size_t i = 0; i < COUNT(good); i++) {
        snprintf(dotenv, sizeof dotenv, "PUBLIC_URL='%s'", good[i]);
        expect_fine(dotenv);
        cr_expect(is(config.public_url, good[i]));
    }
    expect_error("PORT=0", "PUBLIC_URL: has to be set when PORT is 0");
    expect_fine("PORT=0\nPUBLIC_URL=http://localhost:8000");
    expect_error("ENVIRONMENT=production\nPUBLIC_URL=http://id.example.com", "tokens in the clear");
    expect_error("ENVIRONMENT=production\nPUBLIC_URL=http://127.evil.com", "tokens in the clear");
    expect_fine("ENVIRONMENT=production\nPUBLIC_URL=http://localhost:8000");
    expect_fine("ENVIRONMENT=production\nPUBLIC_URL=http://[::1]:8000");
}

Test(config, database_urls_name_a_file)
{
    static const char *const bad[] = {
        "postgres://h/d", "sqlite://rel.db",    "sqlite:///",      "sqlite://",
        "sqlite:rel.db",  "sqlite:///:memory:", "oracle://h/d",    "sqlite:///a?mode=ro",
        "sqlite:///a/",   "SQLITE:///a",        "sqlite:///a%20b", "./a.db"
    };
    static const struct {
        const char *dotenv, *path;
    } good[] = {
        { "DATABASE_URL=sqlite:///srv/a.db", "/srv/a.db" },
        { "DATABASE_URL=sqlite://./a.db", "./a.db" },
        { "DATABASE_URL=sqlite:///./a.db", "./a.db" },
        { "DATA_DIR=var/x", "./var/x/postern.db" },
        { "DATA_DIR=./x/", "./x/postern.db" },
        { "DATA_DIR=../x", "./../x/postern.db" },
        { "DATA_DIR=/x", "/x/postern.db" },
    };
    char dotenv[128];

    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(dotenv, sizeof dotenv, "DATABASE_URL=%s", bad[i]);
        expect_error(dotenv, "DATABASE_URL: ");
    }
    for (size_t i = 0; i < COUNT(good); i++) {
        expect_fine(good[i].dotenv);
        cr_expect(is(config.database_path, good[i].path), "%s", good[i].dotenv);
    }
}

Test(config, a_dotenv_that_cannot_be_read_is_an_error)
{
    cr_assert(mkdir(".env", 0700) == 0);
    cr_expect_not(config_load(&report));
    cr_expect(reports(true, ".env: cannot be read: not a regular file"));
    rmdir(".env");
}

/* What is in every token must not fill it. */
Test(config, an_issuer_has_a_longest_form)
{
    char url[514];

    memcpy(url, "https://x/", 10);
    memset(url + 10, 'a', sizeof url - 10);
    url[512] = '\0';
    setenv("PUBLIC_URL", url, 1);
    expect_fine(NULL);
    url[512] = 'a';
    url[513] = '\0';
    setenv("PUBLIC_URL", url, 1);
    expect_error(NULL, "is too long");
}

Test(config, secrets_in_a_file_for_all_are_worth_a_warning)
{
    write_file(".env", "MASTER_KEY=0123456789abcdef0123456789abcdef", 0604);
    cr_expect(config_load(&report));
    cr_expect(reports(false, "chmod 600 .env"));
}

Test(config, a_report_is_bounded_and_clean)
{
    static char huge[200000];

    memset(huge, 'x', sizeof huge - 1);
    setenv("PUBLIC_URL", huge, 1);
    setenv("MASTER_KEY_FILE", huge, 1);
    setenv("OTEL_\x1b[31m\nred", "1", 1);
    cr_expect_not(load(NULL));
    cr_expect(reports(true, "PUBLIC_URL: is longer than 8192 bytes"));
    cr_expect(reports(true, "MASTER_KEY_FILE: xxx"));
    cr_expect(reports(false, "OTEL_?[31m?red"));
    for (const struct config_line *line = report.first; line; line = line->next)
        cr_expect(line->text.len <= 512);
}

/* */
Test(config, reload_takes_what_can_change_and_names_the_rest)
{
    expect_fine("LOG_LEVEL=INFO\nPORT=8001");
    config_report_done(&report);
    write_file(".env", "LOG_LEVEL=DEBUG\nPORT=8002", 0600);
    cr_expect(config_reload(&report));
    cr_expect(config.log_level == LOG_DEBUG && log_level == LOG_DEBUG && config.port == 8001);
    cr_expect(report.count == 1 && reports(false, "PORT has changed"));
    config_report_done(&report);
    write_file(".env", "LOG_LEVEL=ERROR\nPORT=8001", 0600);
    cr_expect(config_reload(&report));
    cr_expect(log_level == LOG_ERROR && report.count == 0);
}

/* */
Test(config, a_broken_reload_changes_nothing)
{
    expect_fine("LOG_LEVEL=INFO");
    config_report_done(&report);
    write_file(".env", "LOG_LEVEL=DEBUG\nPORT=x", 0600);
    cr_expect_not(config_reload(&report));
    cr_expect(reports(true, "PORT") && config.log_level == LOG_INFO && log_level == LOG_INFO);
}

Test(config, printing_masks_secrets_and_names_sources)
{
    CLEANUP(buf_done) struct buf out;

    buf_init(&out, 65536);
    setenv("HOST", "::1", 1);
    write_file("secret", "0123456789abcdef0123456789abcdef", 0600);
    expect_fine("PORT=8001\nMASTER_KEY_FILE=secret\nADMIN_PASSWORD=hunter2hunter2");
    config_print(&out, true);
    buf_add_char(&out, '\0');
    cr_expect(strstr(out.at, "\"PORT\":{\"value\":\"8001\",\"source\":\".env line 1\"}"));
    cr_expect(strstr(out.at, "\"HOST\":{\"value\":\"::1\",\"source\":\"environment\"}"));
    cr_expect(strstr(out.at, "\"MASTER_KEY\":{\"value\":\"***\",\"source\":\"file secret\"}"));
    cr_expect(strstr(out.at, "\"JWT_SECRET_KEY\":{\"value\":null,\"source\":\"not set\"}"));
    cr_expect(strstr(out.at, "\"JWT_ALGORITHM\":{\"value\":\"RS256\",\"source\":\"default\"}"));
    config_print(&out, false);
    buf_add_char(&out, '\0');
    const char *text = out.at + strlen(out.at) + 1;
    cr_expect(strstr(text, "\nPORT=8001  # .env line 1\n"));
    cr_expect(strstr(text, "\nADMIN_PASSWORD=***  # .env line 3\n"));
    cr_expect_not(memmem(out.at, out.len, "hunter2", 7));
    cr_expect_not(memmem(out.at, out.len, "0123456789abcdef", 16));
}

Test(config, cores_are_those_this_process_is_bound_to)
{
    cpu_set_t one;

    cr_expect(cores_available() >= 1);
    cr_assert(sched_getaffinity(0, sizeof one, &one) == 0);
    for (int cpu = 0, kept = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &one) && kept++) CPU_CLR(cpu, &one);
    cr_assert(sched_setaffinity(0, sizeof one, &one) == 0);
    cr_expect(cores_available() == 1);
}
