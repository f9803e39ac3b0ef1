/* config_options.h - the table of options, between config.c, which finds their
 * texts, and config_options.c, which reads those. */
#ifndef APP_CONFIG_OPTIONS_H
#define APP_CONFIG_OPTIONS_H

#include "app/config.h"
#include "base/attr.h"

enum { OPTIONS = 29 };

enum source { FROM_DEFAULT, FROM_ENVIRONMENT, FROM_DOTENV, FROM_FILE };

/* What an option is set to. */
struct setting {
    struct str text; /* STR_NONE: nothing */
    enum source source;
    unsigned line;   /* FROM_DOTENV */
    struct str path; /* FROM_FILE */
};

/* The configuration, and what it is made of. */
struct readings {
    struct config config;
    int access_minutes, access_hours; /* hours 0: not set */
    int refresh_idle_days, refresh_absolute_days, refresh_grace_s;
};

struct loading {
    struct arena *arena; /* of the texts */
    struct config_report *report;
    struct readings readings;
    struct setting settings[OPTIONS];
};

struct option {
    const char *name;
    void (*read)(struct loading *l, const struct option *o, struct str text);
    size_t offset;                               /* of the value in the readings */
    const char *standard;                        /* the default; NULL: none, or ... */
    struct str (*make)(const struct loading *l); /* ... made from the options above */
    int64_t min, max;
    const char *const *words; /* of a choice, in the order of its enum; ends with NULL */
    bool secret;              /* never shown */
    bool file;                /* may be given as X_FILE */
    bool reloadable;
};

extern const struct option options[OPTIONS + 1]; /* ends with a NULL name */

const struct option *option_find(struct str name); /* NULL: there is none */
struct setting *option_setting(struct loading *l, const char *name);

/* Complains about what does not go together; after all have been read. */
void options_check(struct loading *l);

/* Looks at every name that is set, in `.env` and in the environment: those of
 * other versions of postern and those that are not known. */
struct dotenv;
void names_check(struct loading *l, const struct dotenv *file);

/* An error with the option's name before it and where it was set behind it. */
void option_complain(struct loading *l, const struct option *o, const char *fmt, ...) PRINTF(3, 4);
void report_error(struct config_report *report, const char *fmt, ...) PRINTF(2, 3);
void report_warning(struct config_report *report, const char *fmt, ...) PRINTF(2, 3);

/* The beginning of a text as a report may show it: escaped, in quotes. */
struct str shown(struct loading *l, struct str text);

#endif
