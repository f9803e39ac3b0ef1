#include "base/clock.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void expect_time(int64_t ms, const char *iso)
{
    char out[RFC3339_LEN + 1];
    cr_expect_str_eq(rfc3339(out, ms).at, iso);
}

static void expect_date(int64_t ms, const char *date)
{
    char out[HTTP_DATE_LEN + 1];
    cr_expect_str_eq(http_date(out, ms).at, date);
}

Test(clock, writes_rfc_3339)
{
    expect_time(0, "1970-01-01T00:00:00.000Z");
    expect_time(1795330075123, "2026-11-22T06:47:55.123Z");
    expect_time(951782400000, "2000-02-29T00:00:00.000Z");
    expect_time(951868799999, "2000-02-29T23:59:59.999Z");
    expect_time(4107542399999, "2100-02-28T23:59:59.999Z");
    expect_time(4107542400000, "2100-03-01T00:00:00.000Z");
}

Test(clock, writes_rfc_9110_dates)
{
    expect_date(784111777000, "Sun, 06 Nov 1994 08:49:37 GMT"); /* RFC 9110 5.6.7 */
    expect_date(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    expect_date(951782400999, "Tue, 29 Feb 2000 00:00:00 GMT");
}

Test(clock, keeps_to_the_years_it_can_write)
{
    expect_time(-1, "1970-01-01T00:00:00.000Z");
    expect_time(INT64_MIN, "1970-01-01T00:00:00.000Z");
    expect_time(INT64_MAX, "9999-12-31T23:59:59.999Z");
    expect_date(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
}

Test(clock, agrees_with_the_c_library_on_every_day)
{
    char ours[RFC3339_LEN + 1], theirs[64];

    for (int64_t s = 3661; s < INT64_C(253402300800); s += 86400) {
        time_t t = (time_t)s;
        struct tm tm;
        gmtime_r(&t, &tm);
        snprintf(theirs, sizeof theirs, "%04d-%02d-%02dT%02d:%02d:%02d.042Z", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        rfc3339(ours, s * 1000 + 42);
        cr_assert_str_eq(ours, theirs);
    }
}

Test(clock, weekdays_follow_each_other)
{
    static const char names[] = "ThuFriSatSunMonTueWed";
    char out[HTTP_DATE_LEN + 1];

    for (int64_t day = 0; day < 100000; day++) {
        http_date(out, day * 86400000);
        cr_assert(memcmp(out, names + day % 7 * 3, 3) == 0);
    }
}

/* */
Test(clock, time_zone_and_locale_change_nothing)
{
    setenv("TZ", "right/Asia/Tokyo", 1);
    setenv("LC_ALL", "tr_TR.UTF-8", 1);
    tzset();
    setlocale(LC_ALL, "");
    expect_time(1795330075123, "2026-11-22T06:47:55.123Z");
    expect_date(1795330075123, "Sun, 22 Nov 2026 06:47:55 GMT");
}

Test(clock, can_be_shifted_and_only_the_wall_clock_is)
{
    int64_t wall = wall_ms();
    uint64_t mono = mono_ms();

    clock_shift(3600000);
    cr_expect(wall_ms() - wall >= 3600000 && wall_ms() - wall < 3660000);
    cr_expect(mono_ms() - mono < 60000);
    clock_shift(-3600000);
    cr_expect(wall_ms() - wall < 60000);
}

Test(clock, monotonic_units_agree)
{
    uint64_t ms = mono_ms(), us = mono_us();
    cr_expect(us / 1000 - ms < 1000);
}
