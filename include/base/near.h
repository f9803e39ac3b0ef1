/* near.h - the word somebody probably meant.
 *
 *     struct near near = { .wrong = STR("sevre") };
 *     for (each known word) near_offer(&near, word);
 *     if (near.best.at) ... "did you mean serve?"
 */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include "base/str.h"

#define NEAR_LEN_MAX 64 /* longer words are near to nothing */

struct near {
    struct str wrong;
    struct str best;   /* borrowed from who offered it; absent: nothing is near */
    unsigned distance; /* of `best` */
};

/* Near: at most two slips of the hand, and at most half of the word. Of equally
 * near words the first one stays. ASCII letters compare without their case. */
void near_offer(struct near *near, struct str word);

/* How many slips, each a letter missing, extra, wrong or swapped with its
 * neighbour, lie between the two; neither longer than NEAR_LEN_MAX. */
unsigned near_distance(struct str a, struct str b);

#endif
