/* paths.c - see paths.h. */
#define _POSIX_C_SOURCE 200809L
#include "paths.h"

#include <stdlib.h>

void on_every_path(void (*check)(void)) {
    for (int cpu = STY_CPU_GENERIC; cpu < STY_N_CPUS; cpu++) {
        if (!sty_cpu_has((sty_cpu)cpu)) continue;
        setenv("STYLET_CPU", sty_cpu_name((sty_cpu)cpu), 1);
        check();
    }
    unsetenv("STYLET_CPU");
}
