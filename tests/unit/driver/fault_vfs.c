/* A file keeps the bytes that each write since the last sync replaced; a power
 * cut puts them back, newest first. One lock around everything: the store's
 * threads all come through here. */
#include "fault_vfs.h"

#include "base/must.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct image {
    struct image *older;
    sqlite3_int64 offset, size_before; /* of the file */
    int len;                           /* bytes that were there */
    char bytes[];
};

struct fault_file {
    sqlite3_file base;
    struct image *images; /* owned; since the last sync */
    struct fault_file *next;
    sqlite3_file *real;
};

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs vfs, *real;
    struct fault_file *files;
    unsigned kinds, nth, calls;
    enum fault_action action;
    bool forever;
} faults = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct fault_file *fault_file(sqlite3_file *file)
{
    return (struct fault_file *)file;
}

static sqlite3_file *real(sqlite3_file *file)
{
    return fault_file(file)->real;
}

static void images_drop(struct fault_file *f)
{
    while (f->images) {
        struct image *older = f->images->older;
        free(f->images);
        f->images = older;
    }
}

static void image_keep(struct fault_file *f, sqlite3_int64 offset, int len)
{
    struct image *image = must_zalloc(sizeof *image + (size_t)len);

    f->real->pMethods->xFileSize(f->real, &image->size_before);
    image->offset = offset;
    image->len = len;
    if (offset + len > image->size_before)
        image->len = offset < image->size_before ? (int)(image->size_before - offset) : 0;
    if (image->len) f->real->pMethods->xRead(f->real, image->bytes, image->len, offset);
    image->older = f->images;
    f->images = image;
}

static void power_cut(void)
{
    for (struct fault_file *f = faults.files; f; f = f->next) {
        for (struct image *i = f->images; i; i = i->older) {
            if (i->len) f->real->pMethods->xWrite(f->real, i->bytes, i->len, i->offset);
            f->real->pMethods->xTruncate(f->real, i->size_before);
        }
    }
}

/* SQLITE_OK, or what the call shall answer. */
static int fault(enum fault_kind kind, int code)
{
    if (!(faults.kinds & kind)) return SQLITE_OK;
    faults.calls++;
    bool now = faults.forever ? faults.calls >= faults.nth : faults.calls == faults.nth;
    if (!now || faults.action == FAULT_NOTHING) return SQLITE_OK;
    if (faults.action == FAULT_FAIL) return code;
    if (faults.action == FAULT_FULL) return SQLITE_FULL;
    if (faults.action == FAULT_POWER) power_cut();
    _exit(FAULT_EXIT);
}

static void enter(void)
{
    pthread_mutex_lock(&faults.lock);
}

static int leave(int code)
{
    pthread_mutex_unlock(&faults.lock);
    return code;
}

static int on_close(sqlite3_file *file)
{
    struct fault_file **at = &faults.files;

    enter();
    while (*at != fault_file(file)) at = &(*at)->next;
    *at = fault_file(file)->next;
    images_drop(fault_file(file)); /* leaves unsynced bytes to the kernel */
    return leave(real(file)->pMethods->xClose(real(file)));
}

static int on_read(sqlite3_file *file, void *to, int len, sqlite3_int64 offset)
{
    enter();
    int code = fault(FAULT_READ, SQLITE_IOERR_READ);
    if (code == SQLITE_OK) code = real(file)->pMethods->xRead(real(file), to, len, offset);
    return leave(code);
}

static int on_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 offset)
{
    enter();
    int code = fault(FAULT_WRITE, SQLITE_IOERR_WRITE);
    if (code == SQLITE_OK) {
        image_keep(fault_file(file), offset, len);
        code = real(file)->pMethods->xWrite(real(file), from, len, offset);
    }
    return leave(code);
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_int64 before = 0;

    enter();
    int code = fault(FAULT_TRUNCATE, SQLITE_IOERR_TRUNCATE);
    if (code == SQLITE_OK) {
        real(file)->pMethods->xFileSize(real(file), &before);
        if (before > size) image_keep(fault_file(file), size, (int)(before - size));
        code = real(file)->pMethods->xTruncate(real(file), size);
    }
    return leave(code);
}

static int on_sync(sqlite3_file *file, int flags)
{
    enter();
    int code = fault(FAULT_SYNC, SQLITE_IOERR_FSYNC);
    if (code == SQLITE_OK) code = real(file)->pMethods->xSync(real(file), flags);
    if (code == SQLITE_OK) images_drop(fault_file(file));
    return leave(code);
}

static int on_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real(file)->pMethods->xFileSize(real(file), size);
}

static int on_lock(sqlite3_file *file, int level)
{
    enter();
    int code = fault(FAULT_LOCK, SQLITE_IOERR_LOCK);
    if (code == SQLITE_OK) code = real(file)->pMethods->xLock(real(file), level);
    return leave(code);
}

static int on_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}

static int on_reserved(sqlite3_file *file, int *out)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), out);
}

static int on_control(sqlite3_file *file, int op, void *arg)
{
    return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int on_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int on_device(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}

static int on_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    enter();
    int code = flags & SQLITE_SHM_LOCK ? fault(FAULT_LOCK, SQLITE_IOERR_SHMLOCK) : SQLITE_OK;
    if (code == SQLITE_OK) code = real(file)->pMethods->xShmLock(real(file), offset, n, flags);
    return leave(code);
}

static void on_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int on_shm_unmap(sqlite3_file *file, int delete)
{
    return real(file)->pMethods->xShmUnmap(real(file), delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_reserved,
    .xFileControl = on_control,
    .xSectorSize = on_sector,
    .xDeviceCharacteristics = on_device,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    struct fault_file *f = fault_file(file);

    (void)vfs;
    *f = (struct fault_file){ .real = (sqlite3_file *)(f + 1) };
    enter();
    int code = fault(FAULT_OPEN, SQLITE_CANTOPEN);
    if (code == SQLITE_OK) code = faults.real->xOpen(faults.real, name, f->real, flags, out);
    if (code == SQLITE_OK) {
        f->base.pMethods = &methods;
        f->next = faults.files;
        faults.files = f;
    }
    return leave(code);
}

void fault_install(void)
{
    faults.real = sqlite3_vfs_find(NULL);
    faults.vfs = *faults.real;
    faults.vfs.zName = "fault";
    faults.vfs.szOsFile += (int)sizeof(struct fault_file);
    faults.vfs.xOpen = on_open;
    must(sqlite3_vfs_register(&faults.vfs, 1) == SQLITE_OK);
}

void fault_plan(unsigned kinds, enum fault_action action, unsigned nth, bool forever)
{
    enter();
    faults.kinds = kinds;
    faults.action = action;
    faults.nth = nth;
    faults.forever = forever;
    faults.calls = 0;
    leave(SQLITE_OK);
}

unsigned fault_calls(void)
{
    enter();
    return (unsigned)leave((int)faults.calls);
}
