/* scratch.c - see scratch.h. */
#include "scratch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder(void) {
    const char *tmp = getenv("TMPDIR");
    return tmp && *tmp ? tmp : "/tmp";
}

const char *scratch_path(const char *name) {
    static char paths[8][4096];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder(), name);
    return path;
}

const char *scratch_file(const char *name, const void *bytes, size_t n) {
    const char *path = scratch_path(name);
    unlink(path); /* ext4 flushes a file that is truncated and written again */
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, n, file) != n || fclose(file) != 0) abort();
    return path;
}

char *scratch_read(const char *path, size_t *n) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    if (fseek(file, 0, SEEK_END) != 0) abort();
    const size_t size = (size_t)ftell(file);
    char *text = malloc(size + 1);
    if (!text) abort();
    rewind(file);
    if (fread(text, 1, size, file) != size) abort();
    fclose(file);
    text[size] = '\0';
    if (n) *n = size;
    return text;
}

size_t scratch_count(const char *beginning) {
    size_t n = 0;
    DIR *list = opendir(folder());
    if (!list) abort();
    for (const struct dirent *entry; (entry = readdir(list));)
        n += strncmp(entry->d_name, beginning, strlen(beginning)) == 0;
    closedir(list);
    return n;
}

bool scratch_exists(const char *path) { return access(path, F_OK) == 0; }
