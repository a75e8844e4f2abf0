/* ids.h - names for clips. Floor 4.
 *
 * An id is the path without its extension, relative to the folder that all
 * paths have in common: unique as long as the paths are, unlike bare file names. */
#ifndef STY_CORPUS_IDS_H
#define STY_CORPUS_IDS_H

#include "base/mem.h"

/* ids[n] for paths[n], in the arena; "-" becomes "stdin". Two equal ids are
 * refused: STY_BAD_ARGUMENT, with both paths. */
sty_status sty_ids_from_paths(const char *const *paths, size_t n, sty_arena *arena,
                              const char **ids, sty_err *err);

#endif
