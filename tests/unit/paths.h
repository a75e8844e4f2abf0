/* paths.h - runs a check on every vector path this processor has. */
#ifndef TESTS_UNIT_PATHS_H
#define TESTS_UNIT_PATHS_H

#include "base/cpu.h"

/* Forces one path after another by STYLET_CPU, which every choice reads. */
void on_every_path(void (*check)(void));

#endif
