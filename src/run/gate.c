/* gate.c - slots, and a queue in front of them.
 *
 * A leaving job hands its slot to the first waiter directly, so a free slot
 * means an empty queue and nobody overtakes. A waiter's record is on its own
 * stack: whoever is answered without a slot takes himself out of the queue.
 */
#include "run/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "run/loop.h"

#define POOL_RESERVE 4 /* threads for names and files: what libuv has by default */
#define POOL_NICE 5    /* below the loop: it must be able to say no */

struct gate_waiter {
    struct wait wait;
    struct ctx *ctx;
    struct gate_pass *pass;
    struct gate_waiter *next, *prev;
};

struct gate_job {
    uv_work_t request;
    struct wait wait;
    void (*work)(void *arg);
    void *arg;
};

void gate_init(struct gate *g, const char *name, unsigned width, unsigned queue_max,
               unsigned queue_ms)
{
    must(width > 0 && width <= GATE_WIDTH_MAX);
    *g =
        (struct gate){ .name = name, .width = width, .queue_max = queue_max, .queue_ms = queue_ms };
}

static void queue_add(struct gate *g, struct gate_waiter *w)
{
    w->prev = g->last;
    w->next = NULL;
    *(g->last != NULL ? &g->last->next : &g->first) = w;
    g->last = w;
    g->queued++;
}

static void queue_remove(struct gate *g, struct gate_waiter *w)
{
    *(w->prev != NULL ? &w->prev->next : &g->first) = w->next;
    *(w->next != NULL ? &w->next->prev : &g->last) = w->prev;
    g->queued--;
}

static void slot_take(struct gate *g, struct gate_pass *pass)
{
    unsigned slot = 0;

    while (g->slot_used[slot]) slot++;
    must(slot < g->width);
    g->slot_used[slot] = true;
    g->slot_since_us[slot] = mono_us();
    g->inside++;
    g->entered++;
    *pass = (struct gate_pass){ .gate = g, .slot = slot };
}

/* Gives the free slot to the first waiter who still wants it. */
static void slot_offer(struct gate *g)
{
    struct gate_waiter *w;

    while (g->inside < g->width && (w = g->first) != NULL) {
        queue_remove(g, w);
        if (w->ctx->abandoned) {
            wake(&w->wait, E_CANCELED);
            continue;
        }
        slot_take(g, w->pass);
        wake(&w->wait, OK);
    }
}

SUSPENDS static enum err queue_wait(struct gate *g, struct ctx *ctx, struct gate_pass *pass)
{
    struct gate_waiter w = { .ctx = ctx, .pass = pass };

    wait_init(&w.wait, g->name);
    queue_add(g, &w);
    enum err answer = await_until(&w.wait, mono_ms() + g->queue_ms, E_OVERLOADED, ctx->deadline);

    if (!w.wait.woken) queue_remove(g, &w);
    if (answer == E_OVERLOADED) g->refused++;
    if (answer != OK) gate_leave(pass);
    return answer;
}

/* Each pass moves the pace by an eighth of the difference. */
static void pace_set(struct gate *g, unsigned slot)
{
    uint64_t took = mono_us() - g->slot_since_us[slot];

    g->pass_us = g->pass_us ? (7 * g->pass_us + took) / 8 : took;
}

static bool queue_is_long(const struct gate *g)
{
    return g->queued >= g->queue_max ||
           g->queued * g->pass_us / g->width > g->queue_ms * UINT64_C(1000) / 2;
}

enum err gate_enter(struct gate *g, struct ctx *ctx, struct gate_pass *pass)
{
    must(pass->gate == NULL);
    if (ctx->abandoned) return E_CANCELED;
    if (ctx->deadline <= mono_ms()) return E_TIMED_OUT;

    if (g->inside < g->width) {
        slot_take(g, pass);
        return OK;
    }
    if (queue_is_long(g)) {
        g->refused++;
        return E_OVERLOADED;
    }
    return queue_wait(g, ctx, pass);
}

void gate_leave(struct gate_pass *pass)
{
    struct gate *g = pass->gate;

    if (g == NULL) return;
    pass->gate = NULL;
    pace_set(g, pass->slot);
    g->slot_used[pass->slot] = false;
    g->inside--;
    slot_offer(g);
}

/* Linux has a niceness for each thread; a refusal does no harm. */
static void thread_nice(void)
{
    static _Thread_local bool done;

    if (done) return;
    done = true;
    id_t thread = (id_t)syscall(SYS_gettid);
    setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + POOL_NICE);
}

static void on_pool_thread(uv_work_t *request)
{
    struct gate_job *job = (struct gate_job *)request; /* its first member */

    thread_nice();
    job->work(job->arg);
}

static void on_job_done(uv_work_t *request, int status)
{
    struct gate_job *job = (struct gate_job *)request;

    wake(&job->wait, status == 0 ? OK : E_CANCELED);
}

enum err gate_work(struct gate_pass *pass, void (*work)(void *arg), void *arg)
{
    struct gate_job job = { .work = work, .arg = arg };

    must(pass->gate != NULL);
    wait_init(&job.wait, "gate.work");
    must(uv_queue_work(loop, &job.request, on_pool_thread, on_job_done) == 0);
    return await(&job.wait, UNTIL_DONE);
}

void gate_pool_size(unsigned lanes)
{
    char threads[16];

    snprintf(threads, sizeof threads, "%u", lanes + POOL_RESERVE);
    must(setenv("UV_THREADPOOL_SIZE", threads, 1) == 0);
}
