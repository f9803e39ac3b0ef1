/* The schema is moved by the same code that `serve` uses at its start; here it
 * can also be looked at, and taken back. */
#include "app/command_line.h"
#include "app/service.h"
#include "base/config.h"
#include "driver/crypto.h"
#include "driver/sqlite.h"

#include <sys/stat.h>

/* config.database_path, ending in NUL. */
static const char *database_path(void)
{
    static char path[4096];

    snprintf(path, sizeof path, STR_FMT, STR_ARG(config.database_path));
    return path;
}

static void report(const char *line)
{
    puts(line);
}

static int migrate(int target, bool create)
{
    struct sqlite_problem problem;

    if (!sqlite_migrate(database_path(), target, create, report, &problem))
        return command_failed("%s", problem.text);
    printf("the schema is at %d\n", target);
    return EXIT_DONE;
}

/* The master key is made here too when there is none: `serve` refuses a
 * database without the key it was made with. */
static int migrate_up(int argc, char **argv)
{
    int64_t to = sqlite_migration_count;
    struct sqlite_problem problem;
    const struct option_row options[] = {
        { "to", OPTION_NUMBER, &to, 1, sqlite_migration_count },
        { 0 },
    };

    if (!command_read("migrate up", argc, argv, options)) return EXIT_USAGE;
    if (!service_configure()) return EXIT_FAILED;
    umask(077);
    crypto_start();
    if (!service_data_dir(true)) return EXIT_FAILED;
    int version = sqlite_version_of(database_path(), &problem); /* -1: to be made, or refused */
    if (version > to)
        return command_failed("the schema is at %d; to go back: postern migrate down --to %d",
                              version, (int)to);
    return migrate((int)to, true);
}

static int migrate_down(int argc, char **argv)
{
    int64_t to = -1;
    bool yes = false;
    struct sqlite_problem problem;
    const struct option_row options[] = {
        { "to", OPTION_NUMBER, &to, 0, sqlite_migration_count },
        { "yes", OPTION_FLAG, &yes },
        { 0 },
    };

    if (!command_read("migrate down", argc, argv, options)) return EXIT_USAGE;
    if (!service_configure()) return EXIT_FAILED;
    int version = sqlite_version_of(database_path(), &problem);
    if (version < 0) return command_failed("%s", problem.text);
    if (version == 0) return command_failed("the schema is at 0: there is nothing to take back");
    if (to < 0) to = version - 1;
    if (to >= version)
        return command_failed("the schema is at %d; to go up: postern migrate up", version);
    if (!yes && !command_confirm("Take the schema of %s from %d back to %d? Data goes with it.",
                                 database_path(), version, (int)to))
        return EXIT_FAILED;
    return migrate((int)to, false);
}

static void print_status(bool json, int version)
{
    int newest = sqlite_migration_count;
    struct buf out;

    if (!json) {
        printf("the schema is at %d, this postern knows %d\n", version, newest);
        for (int i = 0; i < sqlite_migration_count; i++) {
            const struct sqlite_migration *m = &sqlite_migrations[i];
            printf("  %3d  %-8s  %s\n", m->number, m->number <= version ? "applied" : "pending",
                   m->name);
        }
        return;
    }
    buf_init(&out, 64 * 1024);
    json_begin(&out);
    json_put_int(&out, "version", version);
    json_put_int(&out, "newest", newest);
    json_key(&out, "migrations");
    json_begin_array(&out);
    for (int i = 0; i < sqlite_migration_count; i++) {
        const struct sqlite_migration *m = &sqlite_migrations[i];
        json_begin(&out);
        json_put_int(&out, "number", m->number);
        json_put_text(&out, "name", str_of(m->name));
        json_put_bool(&out, "applied", m->number <= version);
        json_end(&out);
    }
    json_end_array(&out);
    json_end(&out);
    command_print_json(&out);
}

static int migrate_status(int argc, char **argv)
{
    struct sqlite_problem problem;
    bool json = false;
    const struct option_row options[] = { { "output", OPTION_OUTPUT, &json }, { 0 } };

    if (!command_read("migrate status", argc, argv, options)) return EXIT_USAGE;
    if (!service_configure()) return EXIT_FAILED;
    int version = sqlite_version_of(database_path(), &problem);
    if (version < 0 && problem.refusal != STORE_MISSING) return command_failed("%s", problem.text);
    print_status(json, version < 0 ? 0 : version);
    return EXIT_DONE;
}

int command_migrate(int argc, char **argv)
{
    static const struct command_action actions[] = {
        { "status", migrate_status },
        { "up", migrate_up },
        { "down", migrate_down },
        { 0 },
    };
    return command_act(argc, argv, actions);
}
