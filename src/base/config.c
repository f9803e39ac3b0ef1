/* The one place that holds what app/config.c found; see base/config.h. */
#include "base/config.h"

struct config config;
