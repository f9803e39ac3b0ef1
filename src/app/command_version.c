#include "app/command_line.h"
#include "driver/password.h"
#include "driver/signer.h"
#include "driver/sqlite.h"

int command_version(int argc, char **argv)
{
    bool json = false;
    struct buf out;
    const struct option_row options[] = { { "output", OPTION_OUTPUT, &json }, { 0 } };

    if (!command_read("version", argc, argv, options)) return EXIT_USAGE;
    if (!json) {
        printf("postern  " POSTERN_VERSION "\n"
               "schema   %d\n"
               "signer   %s\n"
               "argon2   %s\n",
               sqlite_migration_count, signer_backend(), password_kernel());
        return EXIT_DONE;
    }
    buf_init(&out, 1024);
    json_begin(&out);
    json_put_text(&out, "version", STR(POSTERN_VERSION));
    json_put_int(&out, "schema", sqlite_migration_count);
    json_put_text(&out, "signer", str_of(signer_backend()));
    json_put_text(&out, "argon2", str_of(password_kernel()));
    json_end(&out);
    command_print_json(&out);
    return EXIT_DONE;
}
