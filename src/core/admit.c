#include "core/admit.h"

enum err admit(const struct standing *s)
{
    return s->disabled ? E_FORBIDDEN : OK;
}
