/* tenant.h - whose rows these are. There is one tenant so far (migration 001). */
#ifndef CORE_TENANT_H
#define CORE_TENANT_H

#include "base/uuid.h"

static const struct uuid default_tenant = { { 0, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0,
                                              1 } };
#define DEFAULT_TENANT_SLUG "default"

#endif
