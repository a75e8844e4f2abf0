/* The heap, arenas and the fault hook. */
#include "base/mem.h"
#include "random.h"
#include "unit.h"

#include <string.h>

static void products_and_sums_that_do_not_fit_are_refused(void **state) {
    size_t out = 7;
    (void)state;
    assert_false(sty_mul(SIZE_MAX, 2, &out));
    assert_false(sty_mul((size_t)1 << 32, (size_t)1 << 32, &out));
    assert_true(sty_mul(SIZE_MAX / 3, 3, &out));
    assert_int_equal(out, SIZE_MAX / 3 * 3);
    assert_false(sty_add(SIZE_MAX, 1, &out));
    assert_true(sty_add(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
}

static void a_block_is_zeroed_and_aligned(void **state) {
    (void)state;
    for (size_t n = 0; n < 300; n += 7) {
        unsigned char *block = sty_alloc(n, 1);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % STY_ALIGN, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(block[i], 0);
        memset(block, 0xFF, n); /* the next block of this size was used before */
        sty_free(block);
    }
}

static void requests_beyond_all_memory_give_null(void **state) {
    sty_arena arena = {0};
    (void)state;
    assert_null(sty_alloc(SIZE_MAX, 2));
    assert_null(sty_alloc(SIZE_MAX, 1));
    assert_null(sty_alloc((size_t)PTRDIFF_MAX + 1, 1));
    assert_null(sty_copy_text("x", SIZE_MAX));
    assert_null(sty_resize(NULL, 0, SIZE_MAX));
    assert_null(sty_arena_alloc(&arena, SIZE_MAX, 8));
    assert_null(sty_arena_alloc(&arena, SIZE_MAX - 1, 1));
    assert_null(sty_arena_text(&arena, "x", SIZE_MAX));
    sty_arena_clear(&arena);
}

static void resizing_keeps_the_smaller_part(void **state) {
    (void)state;
    char *block = sty_copy_text("abcdefgh", 8);
    block = sty_resize(block, 9, 200);
    assert_string_equal(block, "abcdefgh");
    block = sty_resize(block, 200, 3);
    assert_memory_equal(block, "abc", 3);
    sty_free(block);
}

static void arena_blocks_are_apart_aligned_and_zeroed(void **state) {
    enum { N = 400 };
    unsigned char *blocks[N];
    size_t sizes[N];
    sty_arena arena = {0};
    (void)state;
    for (size_t i = 0; i < N; i++) {
        sizes[i] = random_below(i % 50 == 0 ? 200000 : 700);
        blocks[i] = sty_arena_alloc(&arena, sizes[i], 1);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % STY_ALIGN, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(blocks[i][k], 0);
        memset(blocks[i], (int)(i % 251) + 1, sizes[i]);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(blocks[i][k], i % 251 + 1);
    sty_arena_clear(&arena);
    assert_null(arena.first);
}

/* The first chunk has 65,536 bytes: what does not fit its rest starts another one. */
static void an_arena_never_gives_more_than_a_chunk_holds(void **state) {
    sty_arena arena = {0};
    (void)state;
    char *first = sty_arena_alloc(&arena, 65536 - 64, 1), *second = sty_arena_alloc(&arena, 128, 1);
    assert_true((uintptr_t)second < (uintptr_t)first || (uintptr_t)second >= (uintptr_t)first + 65536);
    sty_arena_clear(&arena);
    first = sty_arena_alloc(&arena, 65536 - 64, 1);
    second = sty_arena_alloc(&arena, 64, 1);
    assert_ptr_equal(second, first + 65536 - 64); /* and nothing is wasted */
    sty_arena_clear(&arena);
}

static void the_fault_hook_fails_one_or_all_from_there_on(void **state) {
    void *block[4];
    (void)state;
    sty_mem_fail_at(2, false);
    for (int i = 0; i < 4; i++)
        block[i] = sty_alloc(1, 1);
    assert_int_equal(sty_mem_fail_at(0, false), 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(block[i] == NULL, i == 1);
        sty_free(block[i]);
    }
    sty_mem_fail_at(2, true);
    for (int i = 0; i < 4; i++)
        block[i] = sty_alloc(1, 1);
    sty_mem_fail_at(0, false);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(block[i] == NULL, i >= 1);
        sty_free(block[i]);
    }
}

static void pages_begin_as_zeros_and_grow_with_what_is_in_them(void **state) {
    const size_t small = 10000, large = 1 << 20;
    (void)state;
    unsigned char *pages = sty_pages(NULL, 0, small);
    assert_non_null(pages);
    for (size_t i = 0; i < small; i++)
        assert_int_equal(pages[i], 0);
    memset(pages, 7, small);
    unsigned char *moved = sty_pages(pages, small, large);
    assert_non_null(moved);
    for (size_t i = 0; i < small; i++)
        assert_int_equal(moved[i], 7);
    assert_int_equal(moved[large - 1], 0);
    sty_mem_fail_at(1, false);
    assert_null(sty_pages(moved, large, 2 * large));
    sty_mem_fail_at(0, false);
    assert_int_equal(moved[0], 7); /* as it was */
    assert_null(sty_pages(moved, large, 0));
    assert_null(sty_pages(NULL, 0, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_and_sums_that_do_not_fit_are_refused),
        cmocka_unit_test(a_block_is_zeroed_and_aligned),
        cmocka_unit_test(requests_beyond_all_memory_give_null),
        cmocka_unit_test(resizing_keeps_the_smaller_part),
        cmocka_unit_test(arena_blocks_are_apart_aligned_and_zeroed),
        cmocka_unit_test(an_arena_never_gives_more_than_a_chunk_holds),
        cmocka_unit_test(the_fault_hook_fails_one_or_all_from_there_on),
        cmocka_unit_test(pages_begin_as_zeros_and_grow_with_what_is_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
