/* pca.h - principal components of styles. Floor 4. */
#ifndef STY_STYLE_PCA_H
#define STY_STYLE_PCA_H

#include "base/err.h"

/* scores [n, k]: vectors [n, width] less their mean, on the k directions of the
 * largest variance; share [k]: the part of the whole variance each direction has.
 * As numpy.linalg.svd of the centred vectors gives it, but that the sign is fixed:
 * the component of a direction that is largest in size is positive. Directions
 * beyond width are zero.
 * Errors: STY_BAD_ARGUMENT (fewer than two vectors, width above 20000),
 * STY_OUT_OF_MEMORY. */
sty_status sty_pca(const float *vectors, size_t n, size_t width, size_t k, float *scores, double *share,
                   sty_err *err);

#endif
