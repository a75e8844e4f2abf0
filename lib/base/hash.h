/* hash.h - digests. Floor 0. SHA-256 (nettle) identifies files, XXH3 (xxHash)
 * identifies models and assigns shards. */
#ifndef STY_BASE_HASH_H
#define STY_BASE_HASH_H

#include "base/mem.h"

#include <stdint.h>

/* 64 lower-case hexadecimal digits and a NUL. */
void sty_sha256_hex(const void *data, size_t n, char out[65]);

/* Running XXH3-128 digest. */
typedef struct sty_digest sty_digest;
sty_digest *sty_digest_create(void); /* NULL without memory */
void sty_digest_add(sty_digest *digest, const void *data, size_t n);
void sty_digest_hex(const sty_digest *digest, char out[33]);
void sty_digest_free(sty_digest *digest);

/* XXH3-64 of a text, the same on every machine. */
uint64_t sty_hash64(const void *data, size_t n);

#endif
