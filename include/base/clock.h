/* clock.h - what time it is, and how it is written.
 *
 * wall_ms: milliseconds since 1970, UTC; can jump. For what leaves the process.
 * mono_ms: milliseconds that only grow. For deadlines and ages.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/str.h"

int64_t wall_ms(void);
uint64_t mono_ms(void);
uint64_t mono_us(void);

/* RFC 3339 in UTC with milliseconds: "2026-11-22T06:47:55.123Z". Here and
 * below, times outside the years 1970 to 9999 become the nearest inside. */
#define RFC3339_LEN 24
struct str rfc3339(char out[RFC3339_LEN + 1], int64_t ms);

/* IMF-fixdate of RFC 9110 5.6.7: "Sun, 22 Nov 2026 06:47:55 GMT". */
#define HTTP_DATE_LEN 29
struct str http_date(char out[HTTP_DATE_LEN + 1], int64_t ms);

/* Tests move the wall clock by this much, and by as much again each time. */
void clock_shift(int64_t ms);

#endif
