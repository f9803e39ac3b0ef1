/* Damerau's distance in the form where no letter is touched twice ("optimal
 * string alignment"): three rows of the usual table are enough. */
#include "base/near.h"

#include "base/must.h"

enum { SLIPS_MAX = 2 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned near_distance(struct str a, struct str b)
{
    unsigned rows[3][NEAR_LEN_MAX + 1];
    unsigned *above = rows[0], *row = rows[1], *before = rows[2]; /* `before` is two up */

    must(a.len <= NEAR_LEN_MAX && b.len <= NEAR_LEN_MAX);
    for (unsigned j = 0; j <= b.len; j++) above[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            char x = lower(a.at[i - 1]), y = lower(b.at[j - 1]);
            row[j] = least(above[j - 1] + (x != y), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == lower(b.at[j - 2]) && y == lower(a.at[i - 2]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        unsigned *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[b.len];
}

void near_offer(struct near *near, struct str word)
{
    size_t longer = near->wrong.len > word.len ? near->wrong.len : word.len;

    if (longer > NEAR_LEN_MAX) return;
    unsigned distance = near_distance(near->wrong, word);
    if (distance > SLIPS_MAX || 2 * distance > longer) return;
    if (near->best.at && near->distance <= distance) return;
    near->best = word;
    near->distance = distance;
}
