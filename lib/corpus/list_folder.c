/* list_folder.c - all audio below a folder, in C order of the names, so that the
 * list does not depend on the file system. Symbolic links to files are taken,
 * those to folders are not followed (they may lead back). */
#define _GNU_SOURCE
#include "corpus/list_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static bool is_audio_name(const char *name) {
    static const char *const extensions[] = {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff",
                                             ".au",  ".caf",  ".w64", ".rf64", ".sph", ".snd"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < STY_COUNT(extensions); i++)
        if (strcasecmp(dot, extensions[i]) == 0) return true;
    return false;
}

static bool is_wanted(const sty_list *list, const char *name) {
    if (name[0] == '.') return false;
    return list->options->glob ? fnmatch(list->options->glob, name, 0) == 0 : is_audio_name(name);
}

static bool is_folder(const char *path, unsigned char type) {
    struct stat st;
    if (type != DT_UNKNOWN) return type == DT_DIR;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

sty_status sty_list_read_folder(sty_list *list, const char *path, sty_err *err) {
    struct dirent **names = NULL;
    const int n = scandir(path, &names, NULL, by_bytes);
    if (n < 0) return sty_list_bad(list, 0, path, err, "cannot read the folder '%.200s': %s", path, strerror(errno));
    sty_status status = STY_OK;
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        sty_buf full = {0};
        sty_buf_printf(&full, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", name);
        sty_buf_put(&full, "", 1);
        if (full.failed) status = sty_err_no_memory(err, 0, "a path");
        if (status == STY_OK && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            if (is_folder(full.data, names[i]->d_type)) status = sty_list_read_folder(list, full.data, err);
            else if (is_wanted(list, name)) {
                sty_entry *entry = sty_list_new(list, 0, err);
                if (entry) entry->path = sty_list_text(list, full.data, full.length - 1, err);
                if (!entry || !entry->path) status = STY_OUT_OF_MEMORY;
            }
        }
        sty_buf_clear(&full);
        free(names[i]);
    }
    free(names);
    return status;
}
