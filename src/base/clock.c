/* Dates are computed here instead of by gmtime_r: that one follows TZ as far
 * as leap seconds go ("right/UTC"), and strftime follows the locale. */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

enum { DAY_S = 86400, ERA_DAYS = 146097 /* 400 years */ };

/* 9999-12-31T23:59:59.999Z, the last moment RFC 3339 can write. */
static const int64_t last_ms = 253402300799999;

static _Atomic int64_t shift_ms;

struct moment {
    unsigned year, month, day; /* month and day from 1 */
    unsigned weekday;          /* Sunday is 0 */
    unsigned hour, minute, second, ms;
};

int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 +
           atomic_load_explicit(&shift_ms, memory_order_relaxed);
}

uint64_t mono_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t mono_ms(void)
{
    return mono_us() / 1000;
}

void clock_shift(int64_t ms)
{
    atomic_fetch_add(&shift_ms, ms);
}

/* The proleptic Gregorian calendar with years that begin in March, so that the
 * leap day is the last one (H. Hinnant, chrono-compatible low-level date
 * algorithms, civil_from_days). */
static void set_date(struct moment *m, unsigned days)
{
    unsigned shifted = days + 719468; /* days since 0000-03-01 */
    unsigned era = shifted / ERA_DAYS, of_era = shifted % ERA_DAYS;
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * of_year + 2) / 153; /* March is 0 */

    m->day = of_year - (153 * month + 2) / 5 + 1;
    m->month = month < 10 ? month + 3 : month - 9;
    m->year = era * 400 + year + (m->month <= 2);
    m->weekday = (days + 4) % 7; /* 1970-01-01 was a Thursday */
}

static struct moment moment_of(int64_t ms)
{
    struct moment m;

    if (ms < 0) ms = 0;
    if (ms > last_ms) ms = last_ms;
    unsigned of_day = (unsigned)(ms / 1000 % DAY_S);
    set_date(&m, (unsigned)(ms / 1000 / DAY_S));
    m.hour = of_day / 3600;
    m.minute = of_day / 60 % 60;
    m.second = of_day % 60;
    m.ms = (unsigned)(ms % 1000);
    return m;
}

/* Writes `n` in `width` digits, returns what follows them. */
static char *put(char *out, unsigned n, int width)
{
    for (int i = width - 1; i >= 0; i--, n /= 10) out[i] = (char)('0' + n % 10);
    return out + width;
}

static char *put_time(char *out, const struct moment *m)
{
    out = put(out, m->hour, 2);
    *out++ = ':';
    out = put(out, m->minute, 2);
    *out++ = ':';
    return put(out, m->second, 2);
}

struct str rfc3339(char out[RFC3339_LEN + 1], int64_t ms)
{
    struct moment m = moment_of(ms);
    char *at = put(out, m.year, 4);

    *at++ = '-';
    at = put(at, m.month, 2);
    *at++ = '-';
    at = put(at, m.day, 2);
    *at++ = 'T';
    at = put_time(at, &m);
    *at++ = '.';
    at = put(at, m.ms, 3);
    *at++ = 'Z';
    *at = '\0';
    return str_span(out, RFC3339_LEN);
}

struct str http_date(char out[HTTP_DATE_LEN + 1], int64_t ms)
{
    static const char weekdays[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct moment m = moment_of(ms);

    memcpy(out, "Ddd, 00 Mmm ", 12);
    memcpy(out, weekdays + (size_t)3 * m.weekday, 3);
    put(out + 5, m.day, 2);
    memcpy(out + 8, months + (size_t)3 * (m.month - 1), 3);
    char *at = put(out + 12, m.year, 4);
    *at++ = ' ';
    at = put_time(at, &m);
    memcpy(at, " GMT", 5);
    return str_span(out, HTTP_DATE_LEN);
}
