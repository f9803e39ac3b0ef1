/* Three lists in a row: `fresh` belongs to the loop alone, `queue` is shared
 * under a lock, `done` is a stack that threads push to and the loop takes as a
 * whole, so it needs no lock (and knows no ABA). */
#include "sqlite_lane.h"
#include "sqlite_conn.h"

#include "base/must.h"

#include <stddef.h>

static void jobs_clear(struct sqlite_jobs *jobs)
{
    *jobs = (struct sqlite_jobs){ .end = &jobs->first };
}

static void jobs_add(struct sqlite_jobs *jobs, struct sqlite_job *job)
{
    job->next = NULL;
    *jobs->end = job;
    jobs->end = &job->next;
    jobs->count++;
}

static void jobs_move(struct sqlite_jobs *to, struct sqlite_jobs *from)
{
    if (!from->first) return;
    *to->end = from->first;
    to->end = from->end;
    to->count += from->count;
    jobs_clear(from);
}

static bool jobs_drop(struct sqlite_jobs *jobs, const struct sqlite_job *job)
{
    for (struct sqlite_job **at = &jobs->first; *at; at = &(*at)->next) {
        if (*at != job) continue;
        *at = job->next;
        if (!job->next) jobs->end = at;
        jobs->count--;
        return true;
    }
    return false;
}

static void on_flush(struct loop_flush *flush)
{
    struct sqlite_lane *lane =
        (struct sqlite_lane *)((char *)flush - offsetof(struct sqlite_lane, flush));

    if (!lane->fresh.first) return;
    uv_mutex_lock(&lane->lock);
    jobs_move(&lane->queue, &lane->fresh);
    bool sleeping = lane->idle > 0;
    uv_mutex_unlock(&lane->lock);
    if (sleeping) uv_cond_signal(&lane->more);
}

static void on_answered(uv_async_t *async)
{
    struct sqlite_lane *lane = async->data;
    struct sqlite_job *newest = atomic_exchange(&lane->done, NULL), *oldest = NULL;

    while (newest) {
        struct sqlite_job *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct sqlite_job *job = oldest;
        oldest = job->next;
        lane->inside--;
        wake(&job->wait, job->result);
    }
}

/* Back from wherever it waits, if no thread has taken it. */
static bool job_take_back(struct sqlite_lane *lane, const struct sqlite_job *job)
{
    bool found = jobs_drop(&lane->fresh, job);

    if (!found) {
        uv_mutex_lock(&lane->lock);
        found = jobs_drop(&lane->queue, job);
        uv_mutex_unlock(&lane->lock);
    }
    if (found) lane->inside--;
    return found;
}

enum err sqlite_lane_ask(struct sqlite_lane *lane, struct ctx *ctx, struct db_query *queries,
                         size_t count)
{
    struct sqlite_job job = { .ctx = ctx, .queries = queries, .count = count };

    if (lane->inside >= SQLITE_LANE_MAX) return E_OVERLOADED;
    wait_init(&job.wait, lane->what);
    jobs_add(&lane->fresh, &job);
    lane->inside++;

    enum err e = await(&job.wait, ctx->deadline);
    if (job.wait.woken && e != E_TIMED_OUT && e != E_CANCELED) return e;
    if (job_take_back(lane, &job)) return e;
    /* It has begun, and a thread writes to this frame: it will be answered. */
    return await(&job.wait, UNTIL_DONE);
}

void sqlite_lane_init(struct sqlite_lane *lane, const char *what)
{
    *lane = (struct sqlite_lane){ .what = what, .flush.flush = on_flush };
    jobs_clear(&lane->fresh);
    jobs_clear(&lane->queue);
    must(uv_mutex_init(&lane->lock) == 0 && uv_cond_init(&lane->more) == 0);
    must(uv_async_init(loop, &lane->answered, on_answered) == 0);
    lane->answered.data = lane;
    uv_unref((uv_handle_t *)&lane->answered); /* fibers keep the loop running */
    loop_on_flush(&lane->flush);
}

void sqlite_lane_end(struct sqlite_lane *lane)
{
    must(lane->inside == 0);
    uv_mutex_lock(&lane->lock);
    lane->ended = true;
    uv_mutex_unlock(&lane->lock);
    uv_cond_broadcast(&lane->more);
}

void sqlite_lane_done(struct sqlite_lane *lane)
{
    uv_close((uv_handle_t *)&lane->answered, NULL);
    uv_cond_destroy(&lane->more);
    uv_mutex_destroy(&lane->lock);
}

bool sqlite_lane_wait(struct sqlite_lane *lane)
{
    uv_mutex_lock(&lane->lock);
    while (!lane->queue.first && !lane->ended) {
        lane->idle++;
        uv_cond_wait(&lane->more, &lane->lock);
        lane->idle--;
    }
    bool more = lane->queue.first;
    uv_mutex_unlock(&lane->lock);
    return more;
}

struct sqlite_job *sqlite_lane_take(struct sqlite_lane *lane, unsigned threads, unsigned most)
{
    uv_mutex_lock(&lane->lock);
    struct sqlite_job *first = lane->queue.first, **end = &lane->queue.first;
    unsigned share = (lane->queue.count + threads - 1) / threads;

    if (share > most) share = most;
    for (unsigned i = 0; i < share; i++) end = &(*end)->next;
    lane->queue.first = *end;
    lane->queue.count -= share;
    if (!lane->queue.first) lane->queue.end = &lane->queue.first;
    if (share) *end = NULL;
    bool help = lane->queue.first && lane->idle > 0;
    uv_mutex_unlock(&lane->lock);

    if (help) uv_cond_signal(&lane->more);
    return share ? first : NULL;
}

void sqlite_lane_answer(struct sqlite_lane *lane, struct sqlite_job *jobs)
{
    struct sqlite_job *top = atomic_load(&lane->done);

    while (jobs) {
        struct sqlite_job *next = jobs->next;
        do jobs->next = top;
        while (!atomic_compare_exchange_weak(&lane->done, &top, jobs));
        top = jobs;
        jobs = next;
    }
    uv_async_send(&lane->answered);
}

void sqlite_lane_refuse(struct sqlite_lane *lane, struct sqlite_job *jobs, enum err result)
{
    for (struct sqlite_job *job = jobs; job; job = job->next) {
        sqlite_batch_clear(job->queries, job->count);
        job->result = result;
    }
    sqlite_lane_answer(lane, jobs);
}
