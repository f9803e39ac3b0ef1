/* Names that are set but are no option of this version. Those that SPEC.md has
 * for a part that is not built yet are refused where running without the part
 * would be wrong in silence, and otherwise said to be unused. All others are
 * refused in `.env`, which is ours; in the environment, which is everybody's,
 * only what looks like a slip of the hand is worth a warning. */
#include "app/dotenv.h"
#include "base/near.h"
#include "config_options.h"

extern char **environ;

struct later {
    const char *name;    /* ends with '*': all that begin so */
    const char *missing; /* why it is refused; NULL: it is only not used */
    const char *fine;    /* values that ask for nothing we do not do */
};

static const struct later later[] = {
    { "WORKERS", "this version runs one process", "1 auto" },
    { "REDIS_URL", "this version keeps its cache in the process" },
    { "TLS_CERT_FILE", "this version does not speak TLS; let a proxy do it" },
    { "TLS_KEY_FILE", "this version does not speak TLS; let a proxy do it" },
    { "RATE_LIMIT_ENABLED", "this version has no rate limits", "false 0 no off" },
    { "RATE_LIMIT_*", "this version has no rate limits" },
    { "ENUMERATION_SAFE", "this version sends no mail", "false 0 no off" },
    { "DATABASE_POOL_SIZE" },
    { "CORS_ORIGINS" },
    { "METRICS_ADDR" },
    { "TRUSTED_PROXIES" },
    { "SMTP_URL" },
    { "AUTH_JWT_*" },
    { "AUTH_JWKS_*" },
    { "AUTH_API_KEY_ENABLED" },
    { "OAUTH2_*" },
    { "OTEL_*" },
    { "CIRCUIT_BREAKER_*" },
};

static bool is_named(struct str name, struct str pattern)
{
    if (str_ends(pattern, STR("*"))) return str_starts(name, str_upto(pattern, pattern.len - 1));
    return str_eq(name, pattern);
}

static struct str without_file(struct str name)
{
    return str_ends(name, STR("_FILE")) ? str_upto(name, name.len - 5) : name;
}

static const struct later *later_find(struct str name)
{
    for (size_t i = 0; i < COUNT(later); i++)
        if (is_named(name, str_of(later[i].name)) ||
            is_named(without_file(name), str_of(later[i].name)))
            return &later[i];
    return NULL;
}

/* One of the option's own names: X, or X_FILE where that is allowed. */
static bool is_option(struct str name)
{
    if (option_find(name)) return true;
    const struct option *o = option_find(without_file(name));
    return o && o->file;
}

static bool is_fine(const struct later *l, struct str value)
{
    for (struct str rest = str_of(l->fine); rest.at;)
        if (str_eq_nocase(value, str_cut(&rest, ' '))) return true;
    return false;
}

static void check_later(struct loading *l, const struct later *known, struct str name,
                        struct str value, const char *where)
{
    if (value.len == 0 || is_fine(known, value)) return;
    if (known->missing)
        report_error(l->report, STR_FMT ": %s (%s)", STR_ARG(name), known->missing, where);
    else
        report_warning(l->report, STR_FMT " is not used by this version (%s)", STR_ARG(name),
                       where);
}

/* The option that was probably meant; absent: none comes near. */
static struct str nearest(struct str name)
{
    struct near near = { .wrong = name };

    for (const struct option *o = options; o->name; o++) near_offer(&near, str_of(o->name));
    return near.best;
}

static void check_dotenv_name(struct loading *l, const struct dotenv_entry *e)
{
    char where[32];
    const struct later *known = later_find(e->name);

    snprintf(where, sizeof where, ".env line %u", e->line);
    if (is_option(e->name)) return;
    if (known) {
        check_later(l, known, e->name, e->value, where);
        return;
    }
    struct str meant = nearest(without_file(e->name));
    report_error(l->report, STR_FMT ": is not known%s" STR_FMT "%s (%s)", STR_ARG(e->name),
                 meant.at ? "; did you mean " : "", STR_ARG(meant), meant.at ? "?" : "", where);
}

/* Short names are near to too much, HOME to HOST for one. */
static bool is_slip(struct str name, struct str meant)
{
    return meant.at && name.len <= NEAR_LEN_MAX && near_distance(name, meant) * 4 <= meant.len;
}

static void check_environment_name(struct loading *l, struct str name, struct str value)
{
    const struct later *known = later_find(name);

    if (is_option(name)) return;
    if (known) {
        check_later(l, known, name, value, "environment");
        return;
    }
    struct str meant = nearest(name);
    if (is_slip(name, meant))
        report_warning(l->report, STR_FMT " is not known; did you mean " STR_FMT "? (environment)",
                       STR_ARG(name), STR_ARG(meant));
}

void names_check(struct loading *l, const struct dotenv *file)
{
    for (size_t i = 0; i < file->count; i++) check_dotenv_name(l, &file->entries[i]);
    for (char **at = environ; at && *at; at++) { /* NULL after clearenv */
        struct str value = str_of(*at);
        struct str name = str_cut(&value, '=');
        check_environment_name(l, name, value);
    }
}
