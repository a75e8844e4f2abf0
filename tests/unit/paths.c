/* paths.c - see paths.h. */
#define _POSIX_C_SOURCE 200809L
#include "paths.h"

#include <stdlib.h>

void on_every_path(void (*check)(void)) {
    unsetenv("STYLET_CPU");
    const sty_cpu best = sty_cpu_path();
    for (int cpu = STY_CPU_GENERIC; cpu <= (int)best; cpu++) {
        setenv("STYLET_CPU", sty_cpu_name((sty_cpu)cpu), 1);
        check();
    }
    unsetenv("STYLET_CPU");
}
