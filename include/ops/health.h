/* health.h - the three probes (SPEC 5). */
#ifndef OPS_HEALTH_H
#define OPS_HEALTH_H

#include "driver/http.h"

SUSPENDS enum err health_live(struct request *rq);    /* the loop turns; touches nothing */
SUSPENDS enum err health_ready(struct request *rq);   /* the store answers, not draining */
SUSPENDS enum err health_startup(struct request *rq); /* start-up is over */

void health_started(void); /* from now on */
bool health_is_started(void);

#endif
