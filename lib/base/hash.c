/* hash.c - the door to nettle and xxHash. */
#include "base/hash.h"

#include <nettle/sha2.h>
#include <stdio.h>
#include <xxhash.h>

struct sty_digest {
    XXH3_state_t *state;
};

void sty_sha256_hex(const void *data, size_t n, char out[65]) {
    struct sha256_ctx context;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&context);
    sha256_update(&context, n, data);
    sha256_digest(&context, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

sty_digest *sty_digest_create(void) {
    sty_digest *digest = sty_alloc(1, sizeof *digest);
    if (!digest) return NULL;
    digest->state = XXH3_createState();
    if (!digest->state) {
        sty_free(digest);
        return NULL;
    }
    XXH3_128bits_reset(digest->state);
    return digest;
}

void sty_digest_add(sty_digest *digest, const void *data, size_t n) {
    XXH3_128bits_update(digest->state, data, n);
}

void sty_digest_hex(const sty_digest *digest, char out[33]) {
    XXH128_hash_t h = XXH3_128bits_digest(digest->state);
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
}

void sty_digest_free(sty_digest *digest) {
    if (!digest) return;
    XXH3_freeState(digest->state);
    sty_free(digest);
}

uint64_t sty_hash64(const void *data, size_t n) { return XXH3_64bits(data, n); }
