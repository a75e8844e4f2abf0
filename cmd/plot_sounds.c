/* plot_sounds.c - where a page finds the clips that it plays. */
#define _GNU_SOURCE
#include "plot.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Relative addresses hold while page and working folder lie as they do now; from
 * elsewhere only an absolute path finds the clip. */
sty_status plot_sounds(plot_job *job, const vector_set *set, const char ***sounds, sty_err *err) {
    const char *page = job->o->output;
    char whole[PATH_MAX];
    const bool far = *page == '/' || strstr(page, "..");
    *sounds = sty_arena_alloc(&job->arena, set->n, sizeof **sounds);
    if (!*sounds) return sty_err_no_memory(err, set->n, "addresses");
    for (size_t i = 0; i < set->n; i++) {
        sty_buf address = {0};
        const char *path = set->paths[i];
        if (far && *path && realpath(path, whole)) path = whole;
        if (*path) sty_html_sound(page, path, &address);
        (*sounds)[i] = sty_arena_text(&job->arena, address.data ? address.data : "", address.length);
        sty_buf_clear(&address);
        if (!(*sounds)[i]) return sty_err_no_memory(err, set->n, "addresses");
    }
    return STY_OK;
}
