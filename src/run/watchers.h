/* watchers.h - tells ASan, LSan, TSan and valgrind about stacks. Private to
 * run/fiber.
 *
 * Every hook is inlined: TSan keeps a shadow of the calls, so the function that
 * announces a switch must be the one that switches.
 */
#ifndef RUN_WATCHERS_H
#define RUN_WATCHERS_H

#include <stdbool.h>
#include <stddef.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define WATCH_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define WATCH_TSAN 1
#include <sanitizer/tsan_interface.h>
#endif

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id) (void)(id)
#define RUNNING_ON_VALGRIND 0
#endif

#define WATCHED inline __attribute__((__always_inline__))

/* What is known about one stack; zero for the loop's, which is learned. */
struct watched {
    const void *low;
    size_t size;
    unsigned valgrind; /* id */
    void *asan;        /* frames that ASan keeps elsewhere */
    void *tsan;        /* the fiber as TSan sees it */
};

/* Does somebody watch, so that time does not mean much? */
static WATCHED bool watchers_present(void)
{
#if defined(WATCH_ASAN) || defined(WATCH_TSAN)
    return true;
#else
    return RUNNING_ON_VALGRIND != 0;
#endif
}

static WATCHED void watch_loop(struct watched *w)
{
    *w = (struct watched){ 0 };
#ifdef WATCH_TSAN
    w->tsan = __tsan_get_current_fiber();
#endif
}

static WATCHED void watch_stack(struct watched *w, void *low, size_t size)
{
    *w = (struct watched){ .low = low, .size = size };
    w->valgrind = VALGRIND_STACK_REGISTER(low, (char *)low + size);
#ifdef WATCH_ASAN
    __lsan_register_root_region(low, size);
#endif
#ifdef WATCH_TSAN
    w->tsan = __tsan_create_fiber(0);
#endif
}

static WATCHED void watch_no_more(struct watched *w)
{
    VALGRIND_STACK_DEREGISTER(w->valgrind);
#ifdef WATCH_ASAN
    __lsan_unregister_root_region(w->low, w->size);
    __asan_unpoison_memory_region(w->low, w->size);
#endif
#ifdef WATCH_TSAN
    __tsan_destroy_fiber(w->tsan);
#endif
}

/* Right before leaving `from` for `to`. */
static WATCHED void watch_leave(struct watched *from, const struct watched *to)
{
    (void)from, (void)to;
#ifdef WATCH_ASAN
    __sanitizer_start_switch_fiber(&from->asan, to->low, to->size);
#endif
#ifdef WATCH_TSAN
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
}

/* First thing on `on`, coming from `from`. */
static WATCHED void watch_arrive(struct watched *on, struct watched *from)
{
    (void)on, (void)from;
#ifdef WATCH_ASAN
    __sanitizer_finish_switch_fiber(on->asan, &from->low, &from->size);
#endif
}

#endif
