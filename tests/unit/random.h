/* random.h - random numbers for tests: from a seed that is printed when the program
 * starts, or given in STYLET_SEED to repeat a run. */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

uint64_t random_bits(void);
size_t random_below(size_t n);                /* 0 .. n - 1 */
double random_between(double low, double high);
void random_fill(float *x, size_t n);         /* about normal, deviation 1 */

#endif
