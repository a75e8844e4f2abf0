/* available.h - how much memory can still be had. Floor 0. */
#ifndef STY_BASE_AVAILABLE_H
#define STY_BASE_AVAILABLE_H

#include <stddef.h>

/* Bytes: the least of what the system calls available, what the control groups of this
 * process (version 2 or 1, with all above them) leave of their limits, and the rest of the
 * address space it may use. SIZE_MAX: nobody says. Reads a dozen small files. */
size_t sty_mem_available(void);

/* The first two, from the files below a folder: ROOT/proc, ROOT/sys/fs/cgroup. */
size_t sty_mem_available_below(const char *root);

#endif
