/* eigen.h - eigenvectors of symmetric matrices, the one door to LAPACK (which
 * OpenBLAS carries). Floor 1. */
#ifndef STY_MATH_EIGEN_H
#define STY_MATH_EIGEN_H

#include <stdbool.h>
#include <stddef.h>

/* Doubles of work space for n x n, k vectors. */
size_t sty_eigen_work(size_t n, size_t k);

/* The k largest eigenvalues of the symmetric a [n, n] (destroyed), the largest
 * first, into values [k]; their vectors, of length 1, as rows of vectors [k, n].
 * The sign of a vector is not determined. k <= n, n below 30000.
 * False when the iteration fails (not for finite input). */
bool sty_eigen_largest(double *a, size_t n, size_t k, double *values, double *vectors, double *work);

#endif
