/* admit.h - may this subject have a credential now?
 *
 * The one place that knows. Every path that makes or prolongs a credential
 * asks admit() for what it has read, and puts ADMISSIBLE into the statement
 * that makes or moves the credential, because the answer may have changed
 * between the two. What later joins (locked, unverified, second factor due,
 * tenant suspended ...) joins here, in both.
 */
#ifndef CORE_ADMIT_H
#define CORE_ADMIT_H

#include "base/err.h"

#include <stdbool.h>

/* Over the columns of table `account`, as SQL of both engines. */
#define ADMISSIBLE "account.disabled_at IS NULL"

struct standing {
    bool disabled;
};

/* OK or E_FORBIDDEN; callers turn it into the answer of their path. */
enum err admit(const struct standing *s);

#endif
