#include "app/config.h"

#include "app/command_line.h"
#include "app/service.h"

enum { PRINTED_MAX = 1 << 20 };

int command_config(int argc, char **argv)
{
    CLEANUP(buf_done) struct buf out;
    bool check = false, json = false;
    const struct option_row options[] = {
        { "check", OPTION_FLAG, &check },
        { "output", OPTION_OUTPUT, &json },
        { 0 },
    };

    buf_init(&out, PRINTED_MAX);
    if (!command_read("config", argc, argv, options)) return EXIT_USAGE;
    if (!service_configure()) return EXIT_FAILED;
    if (check) return EXIT_DONE;
    config_print(&out, json);
    if (json)
        command_print_json(&out);
    else
        fwrite(out.at, 1, out.len, stdout);
    return EXIT_DONE;
}
