/* available.c - see available.h.
 *
 * A control group counts the file cache as used, but gives the inactive part of it up
 * before it refuses anything; so that part is available. Every group up to the root has
 * a limit of its own. A container may name a group that its own mount does not show:
 * files that are not there limit nothing, and the mount's root is always asked. */
#define _GNU_SOURCE
#include "base/available.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_PATH = 4096 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* The number behind a name at the start of a line, in units of `unit` bytes; SIZE_MAX: none
 * ("max" too). */
static size_t value_in(const char *path, const char *name, size_t unit) {
    char line[256];
    size_t value = SIZE_MAX;
    FILE *file = fopen(path, "re");
    if (!file) return SIZE_MAX;
    while (value == SIZE_MAX && fgets(line, sizeof line, file)) {
        char *number = line + strlen(name), *end = number;
        if (strncmp(line, name, strlen(name)) != 0) continue;
        const unsigned long long read = strtoull(number, &end, 10);
        if (end > number && read < SIZE_MAX / unit) value = (size_t)read * unit;
        else break;
    }
    fclose(file);
    return value;
}

static size_t value_of(const char *folder, const char *file, const char *name) {
    char path[MAX_PATH + 64];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return value_in(path, name, 1);
}

/* Names of a version's files. */
typedef struct {
    const char *mount, *limit, *used, *inactive;
} group_files;

static const group_files version_1 = {"/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "};
static const group_files version_2 = {"", "memory.max", "memory.current", "inactive_file "};

static size_t left_in_group(const char *folder, const group_files *files) {
    const size_t limit = value_of(folder, files->limit, ""), used = value_of(folder, files->used, "");
    const size_t inactive = value_of(folder, "memory.stat", files->inactive);
    if (limit == SIZE_MAX || used == SIZE_MAX) return SIZE_MAX;
    const size_t held = inactive == SIZE_MAX ? used : inactive < used ? used - inactive : 0;
    return limit > held ? limit - held : 0;
}

/* The group and all above it. */
static size_t left_in_groups(const char *root, const char *group, const group_files *files) {
    char folder[MAX_PATH];
    const int n = snprintf(folder, sizeof folder, "%s/sys/fs/cgroup%s", root, files->mount);
    if (n < 0 || n >= MAX_PATH || snprintf(folder + n, sizeof folder - (size_t)n, "%s", group) >= MAX_PATH - n) return SIZE_MAX;
    size_t left = left_in_group(folder, files);
    for (char *slash; (slash = strrchr(folder + n, '/')); left = least(left, left_in_group(folder, files)))
        *slash = '\0';
    return left;
}

/* "0::/user.slice/job" is the group of version 2, "4:memory:/job" of version 1. */
static size_t left_in_own_groups(const char *root) {
    char path[MAX_PATH], line[MAX_PATH];
    size_t left = SIZE_MAX;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    if (!file) return SIZE_MAX;
    while (fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        *controllers++ = *group++ = '\0';
        group[strcspn(group, "\n")] = '\0';
        if (*controllers == '\0') left = least(left, left_in_groups(root, group, &version_2));
        for (char *name; (name = strsep(&controllers, ","));)
            if (strcmp(name, "memory") == 0) left = least(left, left_in_groups(root, group, &version_1));
    }
    fclose(file);
    return left;
}

size_t sty_mem_available_below(const char *root) {
    char path[MAX_PATH];
    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    return least(value_in(path, "MemAvailable:", 1024), left_in_own_groups(root));
}

size_t sty_mem_available(void) {
    struct rlimit limit;
    const size_t there = sty_mem_available_below("");
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return there;
    const size_t used = value_in("/proc/self/statm", "", (size_t)sysconf(_SC_PAGESIZE));
    return least(limit.rlim_cur > used ? (size_t)limit.rlim_cur - used : 0, there);
}
