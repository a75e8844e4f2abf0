/* Digests against published values. */
#include "base/hash.h"
#include "unit.h"

#include <string.h>

static void sha256_of_the_nist_examples(void **state) {
    char hex[65], million[1000];
    (void)state;
    sty_sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sty_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    memset(million, 'a', sizeof million);
    sty_sha256_hex(million, 56, hex);
    assert_string_equal(hex, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
}

static void a_running_digest_does_not_depend_on_the_pieces(void **state) {
    char whole[33], pieces[33];
    (void)state;
    sty_digest *a = sty_digest_create(), *b = sty_digest_create();
    sty_digest_add(a, "stylet reads speech", 19);
    for (int i = 0; i < 19; i++)
        sty_digest_add(b, &"stylet reads speech"[i], 1);
    sty_digest_hex(a, whole);
    sty_digest_hex(b, pieces);
    assert_string_equal(whole, pieces);
    assert_int_equal(strlen(whole), 32);
    sty_digest_add(b, "", 1);
    sty_digest_hex(b, pieces);
    assert_string_not_equal(whole, pieces);
    sty_digest_free(a);
    sty_digest_free(b);
    sty_digest_free(NULL);
}

static void xxh3_of_nothing_is_the_published_value(void **state) {
    char hex[33];
    (void)state;
    sty_digest *digest = sty_digest_create();
    sty_digest_hex(digest, hex);
    assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
    assert_true(sty_hash64("", 0) == 0x2D06800538D394C2u);
    sty_digest_free(digest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_the_nist_examples),
        cmocka_unit_test(a_running_digest_does_not_depend_on_the_pieces),
        cmocka_unit_test(xxh3_of_nothing_is_the_published_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
