/* twin.h - naive double-precision pieces of layers, for the tests that compare a layer
 * (layer_case.h) with its definition. */
#ifndef TESTS_TWIN_H
#define TESTS_TWIN_H

#include "layer_case.h"

/* [t, d], the caller's to free. */
typedef struct rows {
    size_t t, d;
    double *at;
} rows;

rows make_rows(size_t t, size_t d); /* zeros */
rows rows_of(const sty_tensor *x);  /* a copy: of an image, a row for each position */
void replace_rows(rows *x, rows y); /* frees what x was */
size_t random_length(void);         /* 1 to 300, short ones as often as long ones */
const char *truth(bool b);          /* as a parameter's text */

/* The weight PREFIXNAME, or NULL when the layer has none. */
const float *weight_of(const layer_case *c, const char *prefix, const char *name);

/* Activations by the names a manifest has for them. */
double function(const char *kind, double slope, double x);
const char *random_function(void);
void apply_function(const char *kind, double slope, rows *x);

/* Convolution over time with the weight [out, in / groups, kernel]; pad zeros at each end. */
rows convolve(const rows *x, const float *w, const float *b, size_t out, size_t kernel, size_t stride, size_t pad,
              size_t dilation, size_t groups);

/* x through the layer's linear NAME.weight, NAME.bias to width out; a copy where it has none. */
rows projected(const layer_case *c, const char *name, const rows *x, size_t out);

/* A norm of any kind in place, its tensors under prefix; groups: of kind group. */
void normalise(const layer_case *c, const char *prefix, const char *kind, size_t groups, double eps, rows *x);

/* In place; all -inf becomes zeros. */
void softmax(double *row, size_t n);

/* Positional encodings; wide: angles in double, else with the published rounding. */
rows sinusoid(size_t t, size_t d, double base, bool wide);

/* Fails unless the layer's output is want within limit x max(1, largest). */
void compare_rows(const layer_case *c, const rows *want, double limit, const char *what);

#endif
