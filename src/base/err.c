#include "base/err.h"
#include "base/must.h"

static const struct err_info infos[ERR_COUNT] = {
#define X(name, status, word, oauth, text) [E_##name] = { status, word, oauth, text, "E_" #name },
    ERRORS(X)
#undef X
};

const struct err_info *err_info(enum err e)
{
    must(e > OK && e < ERR_COUNT);
    return &infos[e];
}
