/* test_transpose.c - every shape around the squares of four and the rows at a time. */
#include "math/transpose.h"

#include "unit.h"

enum { MOST = 150, PITCH = MOST + 3 };

static float x[MOST * PITCH], y[MOST * PITCH];

static void rows_become_columns(void **state) {
    (void)state;
    for (size_t i = 0; i < MOST * PITCH; i++)
        x[i] = (float)i;
    for (size_t rows = 0; rows <= MOST; rows += rows < 10 ? 1 : 7)
        for (size_t columns = 0; columns <= MOST; columns += columns < 10 ? 1 : 7) {
            for (size_t i = 0; i < MOST * PITCH; i++)
                y[i] = -1.0f;
            sty_transpose(rows, columns, x, PITCH, y, PITCH);
            for (size_t j = 0; j < MOST; j++)
                for (size_t i = 0; i < PITCH; i++) { /* and nothing else is written */
                    const float want = i < rows && j < columns ? x[i * PITCH + j] : -1.0f;
                    if (y[j * PITCH + i] != want)
                        fail_msg("%zu x %zu: (%zu, %zu) is %g, not %g", rows, columns, j, i,
                                 (double)y[j * PITCH + i], (double)want);
                }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_become_columns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
