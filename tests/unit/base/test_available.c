/* Memory that can still be had, told by files of a made-up system. */
#include "base/available.h"
#include "scratch.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const size_t MIB = (size_t)1 << 20;

/* A system without files, below TMPDIR/NAME. */
static void begin(char *root, size_t n, const char *name) {
    snprintf(root, n, "%s", scratch_path(name));
    mkdir(root, 0700);
}

/* ROOT/PATH with this text; its folders are made. */
static void put(const char *root, const char *path, const char *text) {
    char whole[512];
    const int n = snprintf(whole, sizeof whole, "%s%s", root, path);
    assert_in_range(n, 1, sizeof whole - 1);
    for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(whole, 0700);
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    fclose(file);
}

static void put_memory(const char *root) {
    put(root, "/proc/meminfo", "MemTotal:       2048000 kB\nMemFree:          10000 kB\nMemAvailable:   1024000 kB\nBuffers: 5 kB\n");
}

static void where_nobody_says_nothing_is_limited(void **state) {
    char root[256];
    (void)state;
    begin(root, sizeof root, "nobody");
    assert_true(sty_mem_available_below(root) == SIZE_MAX);
    put(root, "/proc/meminfo", "MemTotal: 7 kB\n"); /* of a kernel before 3.14 */
    assert_true(sty_mem_available_below(root) == SIZE_MAX);
}

static void without_groups_it_is_what_the_system_calls_available(void **state) {
    char root[256];
    (void)state;
    begin(root, sizeof root, "plain");
    put_memory(root);
    assert_int_equal(sty_mem_available_below(root), 1000 * MIB);
    put(root, "/proc/self/cgroup", "0::/user.slice\n"); /* which has no files here */
    assert_int_equal(sty_mem_available_below(root), 1000 * MIB);
}

static void a_group_leaves_its_limit_less_what_is_used_and_not_cache(void **state) {
    char root[256];
    (void)state;
    begin(root, sizeof root, "version2");
    put_memory(root);
    put(root, "/proc/self/cgroup", "0::/job.slice/step\n");
    put(root, "/sys/fs/cgroup/job.slice/step/memory.max", "max\n");
    put(root, "/sys/fs/cgroup/job.slice/step/memory.current", "104857600\n");
    assert_int_equal(sty_mem_available_below(root), 1000 * MIB);
    put(root, "/sys/fs/cgroup/job.slice/step/memory.max", "419430400\n"); /* 400 MiB, 100 used */
    assert_int_equal(sty_mem_available_below(root), 300 * MIB);
    put(root, "/sys/fs/cgroup/job.slice/step/memory.stat", "anon 5\ninactive_file 52428800\nactive_file 7\n");
    assert_int_equal(sty_mem_available_below(root), 350 * MIB);
    put(root, "/sys/fs/cgroup/job.slice/memory.max", "209715200\n"); /* of all steps together: 200 MiB, 150 used */
    put(root, "/sys/fs/cgroup/job.slice/memory.current", "157286400\n");
    assert_int_equal(sty_mem_available_below(root), 50 * MIB);
    put(root, "/sys/fs/cgroup/job.slice/memory.current", "999999999999\n");
    assert_int_equal(sty_mem_available_below(root), 0);
}

static void a_group_of_version_1_counts_the_same(void **state) {
    char root[256];
    (void)state;
    begin(root, sizeof root, "version1");
    put_memory(root);
    put(root, "/proc/self/cgroup", "5:cpu,memory:/slurm/job_7\n4:pids:/elsewhere\n0::/\n");
    put(root, "/sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes", "9223372036854771712\n"); /* none */
    put(root, "/sys/fs/cgroup/memory/slurm/job_7/memory.usage_in_bytes", "1048576\n");
    assert_int_equal(sty_mem_available_below(root), 1000 * MIB);
    put(root, "/sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes", "104857600\n");
    put(root, "/sys/fs/cgroup/memory/slurm/job_7/memory.stat", "inactive_file 1\ntotal_inactive_file 524288\n");
    assert_int_equal(sty_mem_available_below(root), 100 * MIB - MIB / 2);
}

static void a_container_that_does_not_see_its_own_group_has_the_limit_of_the_mount(void **state) {
    char root[256];
    (void)state;
    begin(root, sizeof root, "container");
    put_memory(root);
    put(root, "/proc/self/cgroup", "0::/docker/4f5e\n");
    put(root, "/sys/fs/cgroup/memory.max", "67108864\n");
    put(root, "/sys/fs/cgroup/memory.current", "4194304\n");
    assert_int_equal(sty_mem_available_below(root), 60 * MIB);
}

static void files_with_something_else_in_them_limit_nothing(void **state) {
    char root[256], line[6000];
    (void)state;
    begin(root, sizeof root, "broken");
    put_memory(root);
    put(root, "/sys/fs/cgroup/memory.max", "much\n");
    put(root, "/sys/fs/cgroup/memory.current", "");
    put(root, "/proc/self/cgroup", "0\n::\n0:memory\n\n0::");
    assert_int_equal(sty_mem_available_below(root), 1000 * MIB);
    memset(line, 'x', sizeof line - 1);
    memcpy(line, "0::/", 4);
    line[sizeof line - 1] = '\0';
    put(root, "/proc/self/cgroup", line);
    assert_int_equal(sty_mem_available_below(root), 1000 * MIB);
}

static void of_this_system_something_is_to_be_had(void **state) {
    (void)state;
    assert_true(sty_mem_available() > MIB);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_nobody_says_nothing_is_limited),
        cmocka_unit_test(without_groups_it_is_what_the_system_calls_available),
        cmocka_unit_test(a_group_leaves_its_limit_less_what_is_used_and_not_cache),
        cmocka_unit_test(a_group_of_version_1_counts_the_same),
        cmocka_unit_test(a_container_that_does_not_see_its_own_group_has_the_limit_of_the_mount),
        cmocka_unit_test(files_with_something_else_in_them_limit_nothing),
        cmocka_unit_test(of_this_system_something_is_to_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
