#include "app/cores.h"

#include "base/str.h"

#include <sched.h>
#include <stdio.h>

static unsigned cores_bound(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1; /* more than 1024 of them */
    return (unsigned)CPU_COUNT(&set);
}

/* The group's path in the unified hierarchy: the line "0::/path". */
static bool group_path(char *path, size_t size)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    bool found = false;

    if (!f) return false;
    while (!found && fgets(path, (int)size, f)) found = strncmp(path, "0::/", 4) == 0;
    fclose(f);
    if (!found) return false;
    memmove(path, path + 3, strlen(path + 3) + 1);
    path[strcspn(path, "\n")] = '\0';
    return true;
}

/* cpu.max of one group, rounded up to whole processors; `most` when it says
 * "max" or is not there. */
static unsigned group_quota(const char *group, unsigned most)
{
    char path[1200];
    unsigned long long quota, period;

    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
    FILE *f = fopen(path, "re");
    if (!f) return most;
    bool limited = fscanf(f, "%llu %llu", &quota, &period) == 2 && period > 0;
    fclose(f);
    if (!limited || quota / period >= most) return most;
    unsigned cores = (unsigned)((quota + period - 1) / period);
    return cores ? cores : 1;
}

unsigned cores_available(void)
{
    unsigned cores = cores_bound();
    char path[1024];

    if (!group_path(path, sizeof path)) return cores;
    for (;;) { /* from our group up to the root: the least counts */
        cores = group_quota(path, cores);
        char *slash = strrchr(path, '/');
        if (!slash) return cores;
        *slash = '\0';
    }
}
