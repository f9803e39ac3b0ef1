/* loop.c - starting, stopping and watching the loop.
 *
 * A timer that fires every 100 ms measures the loop's lag. Until loop_stop it
 * also is what keeps loop_run from returning; after that only what others have
 * open does.
 */
#include "run/loop.h"

#include "base/log.h"
#include "base/must.h"
#include "run/fiber.h"

#define LAG_PERIOD_MS 100
#define LAG_SAMPLES 10 /* a second of them */

static uv_loop_t the_loop;
uv_loop_t *loop = &the_loop;

static struct {
    uv_timer_t timer;
    uint64_t due_ns;
    uint64_t us[LAG_SAMPLES];
    unsigned next;
} lag;

static struct loop_flush *flushes;

static void on_lag_timer(uv_timer_t *timer)
{
    (void)timer;
    uint64_t now_ns = uv_hrtime();

    lag.us[lag.next] = now_ns > lag.due_ns ? (now_ns - lag.due_ns) / 1000 : 0;
    lag.next = (lag.next + 1) % LAG_SAMPLES;
    lag.due_ns = now_ns + LAG_PERIOD_MS * UINT64_C(1000000);
}

void loop_init(void)
{
    must(uv_loop_init(loop) == 0);
    flushes = NULL;
    memset(&lag, 0, sizeof lag);
    lag.due_ns = uv_hrtime() + LAG_PERIOD_MS * UINT64_C(1000000);
    uv_timer_init(loop, &lag.timer);
    uv_timer_start(&lag.timer, on_lag_timer, LAG_PERIOD_MS, LAG_PERIOD_MS);
}

void loop_run(void)
{
    uv_run(loop, UV_RUN_DEFAULT);
}

void loop_stop(void)
{
    uv_unref((uv_handle_t *)&lag.timer);
}

static void handle_report(uv_handle_t *handle, void *arg)
{
    (void)arg;
    log_critical(LOG_NONE, "loop.leak", KV("handle", uv_handle_type_name(handle->type)),
                 KV("closing", (bool)uv_is_closing(handle)));
}

void loop_done(void)
{
    uv_close((uv_handle_t *)&lag.timer, NULL);
    uv_run(loop, UV_RUN_NOWAIT); /* calls what waits for its uv_close */

    int closed = uv_loop_close(loop);
    if (closed != 0) uv_walk(loop, handle_report, NULL);
    must(closed == 0);
}

struct guest {
    void (*run)(void *arg);
    void *arg;
    bool done;
};

static void guest_run(void *arg)
{
    struct guest *guest = arg;

    guest->run(guest->arg);
    guest->done = true;
    uv_stop(loop);
}

void loop_run_fiber(const char *name, void (*run)(void *arg), void *arg)
{
    struct guest guest = { .run = run, .arg = arg };

    must(fiber_start(name, guest_run, &guest) != NULL);
    while (!guest.done) uv_run(loop, UV_RUN_DEFAULT);
}

void loop_on_flush(struct loop_flush *f)
{
    struct loop_flush **end = &flushes;

    while (*end != NULL) end = &(*end)->next;
    f->next = NULL;
    *end = f;
}

void loop_flush(void)
{
    for (struct loop_flush *f = flushes; f != NULL; f = f->next) f->flush(f);
}

uint64_t loop_lag_us(void)
{
    uint64_t highest = 0;

    for (unsigned i = 0; i < LAG_SAMPLES; i++) {
        if (lag.us[i] > highest) highest = lag.us[i];
    }
    return highest;
}
