/* random.c - xorshift64*, seeded from the clock. */
#define _GNU_SOURCE
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t state;

static void seed(void) {
    struct timespec now;
    const char *given = getenv("STYLET_SEED");
    clock_gettime(CLOCK_REALTIME, &now);
    state = given ? strtoull(given, NULL, 10) : (uint64_t)now.tv_sec * 1000003u + (uint64_t)now.tv_nsec;
    if (state == 0) state = 1;
    printf("# STYLET_SEED=%llu\n", (unsigned long long)state);
    fflush(stdout);
}

uint64_t random_bits(void) {
    if (state == 0) seed();
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717u;
}

size_t random_below(size_t n) { return (size_t)(random_bits() >> 11) % n; }

double random_between(double low, double high) {
    return low + (high - low) * (double)(random_bits() >> 11) * 0x1p-53;
}

void random_fill(float *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double sum = 0; /* of twelve: deviation 1 */
        for (int k = 0; k < 12; k++)
            sum += random_between(-0.5, 0.5);
        x[i] = (float)sum;
    }
}
