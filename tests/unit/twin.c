/* twin.c - see twin.h. Loops as the definitions have them; speed is not wanted. */
#include "twin.h"

#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

rows make_rows(size_t t, size_t d) { return (rows){t, d, calloc(t * d + 1, sizeof(double))}; }

rows rows_of(const sty_tensor *x) {
    const size_t d = sty_shape_width(&x->shape);
    rows r = make_rows(sty_shape_count(&x->shape) / d, d);
    for (size_t i = 0; i < r.t * r.d; i++)
        r.at[i] = (double)x->data[i];
    return r;
}

void replace_rows(rows *x, rows y) {
    free(x->at);
    *x = y;
}

const char *truth(bool b) { return b ? "true" : "false"; }

const float *weight_of(const layer_case *c, const char *prefix, const char *name) {
    char text[64];
    snprintf(text, sizeof text, "%s%s", prefix, name);
    return layer_case_has(c, text) ? layer_case_weight(c, text) : NULL;
}

double function(const char *kind, double slope, double x) {
    const double s = 1 / (1 + exp(-x)), soft = x > 20 ? x : log1p(exp(x));
    if (strcmp(kind, "relu") == 0) return x > 0 ? x : 0;
    if (strcmp(kind, "leaky_relu") == 0) return x > 0 ? x : slope * x;
    if (strcmp(kind, "tanh") == 0) return tanh(x);
    if (strcmp(kind, "sigmoid") == 0) return s;
    if (strcmp(kind, "softsign") == 0) return x / (1 + fabs(x));
    if (strcmp(kind, "softplus") == 0) return soft;
    if (strcmp(kind, "mish") == 0) return x * tanh(soft);
    if (strcmp(kind, "swish") == 0) return x * s;
    if (strcmp(kind, "gelu") == 0) return x * 0.5 * (1 + erf(x / sqrt(2)));
    return x;
}

static const char *const functions[] = {"none",     "relu",     "leaky_relu", "tanh",  "sigmoid",
                                        "softsign", "softplus", "mish",       "swish", "gelu"};

const char *random_function(void) { return functions[random_size(0, 9)]; }

void apply_function(const char *kind, double slope, rows *x) {
    for (size_t i = 0; i < x->t * x->d; i++)
        x->at[i] = function(kind, slope, x->at[i]);
}

rows convolve(const rows *x, const float *w, const float *b, size_t out, size_t kernel, size_t stride, size_t pad,
              size_t dilation, size_t groups) {
    const size_t span = (kernel - 1) * dilation + 1, ci = x->d / groups, co = out / groups;
    rows y = make_rows((x->t + 2 * pad - span) / stride + 1, out);
    for (size_t t = 0; t < y.t; t++)
        for (size_t o = 0; o < out; o++) {
            double sum = b ? (double)b[o] : 0;
            for (size_t i = 0; i < ci; i++)
                for (size_t k = 0; k < kernel; k++) {
                    const size_t at = t * stride + k * dilation;
                    if (at >= pad && at - pad < x->t)
                        sum += (double)w[(o * ci + i) * kernel + k] * x->at[(at - pad) * x->d + o / co * ci + i];
                }
            y.at[t * out + o] = sum;
        }
    return y;
}

/* Mean and variance of the elements [t0, t1) x [j0, j1). */
static void moments(const rows *x, size_t t0, size_t t1, size_t j0, size_t j1, double *mean, double *var) {
    const double n = (double)((t1 - t0) * (j1 - j0));
    *mean = *var = 0;
    for (size_t t = t0; t < t1; t++)
        for (size_t j = j0; j < j1; j++)
            *mean += x->at[t * x->d + j] / n;
    for (size_t t = t0; t < t1; t++)
        for (size_t j = j0; j < j1; j++)
            *var += (x->at[t * x->d + j] - *mean) * (x->at[t * x->d + j] - *mean) / n;
}

/* The elements that share their moments are stretches of steps and channels. */
void normalise(const layer_case *c, const char *prefix, const char *kind, size_t groups, double eps, rows *x) {
    const float *gain = weight_of(c, prefix, "weight"), *shift = weight_of(c, prefix, "bias");
    const float *means = weight_of(c, prefix, "running_mean"), *vars = weight_of(c, prefix, "running_var");
    const bool layer = strcmp(kind, "layer") == 0, batch = strcmp(kind, "batch") == 0;
    if (strcmp(kind, "none") == 0) return;
    if (batch || strcmp(kind, "instance") == 0) groups = x->d;
    const size_t steps = layer ? 1 : x->t, width = layer ? x->d : x->d / groups;
    for (size_t t0 = 0; t0 < x->t; t0 += steps)
        for (size_t j0 = 0; j0 < x->d; j0 += width) {
            double mean, var;
            moments(x, t0, t0 + steps, j0, j0 + width, &mean, &var);
            if (batch) mean = (double)means[j0], var = (double)vars[j0];
            for (size_t t = t0; t < t0 + steps; t++)
                for (size_t j = j0; j < j0 + width; j++)
                    x->at[t * x->d + j] = (x->at[t * x->d + j] - mean) / sqrt(var + eps) * (gain ? (double)gain[j] : 1) +
                                          (shift ? (double)shift[j] : 0);
        }
}

void compare_rows(const layer_case *c, const rows *want, double limit, const char *what) {
    assert_int_equal(sty_shape_count(&c->out[0].shape), want->t * want->d);
    assert_near(what, c->out[0].data, want->at, want->t * want->d, limit);
}

rows projected(const layer_case *c, const char *name, const rows *x, size_t out) {
    char prefix[48];
    snprintf(prefix, sizeof prefix, "%s.", name);
    const float *w = weight_of(c, prefix, "weight");
    if (w) return convolve(x, w, weight_of(c, prefix, "bias"), out, 1, 1, 0, 1, 1);
    rows y = make_rows(x->t, x->d);
    memcpy(y.at, x->at, x->t * x->d * sizeof *x->at);
    return y;
}

void softmax(double *row, size_t n) {
    double largest = -INFINITY, sum = 0;
    for (size_t j = 0; j < n; j++)
        largest = fmax(largest, row[j]);
    for (size_t j = 0; j < n; j++)
        sum += row[j] = largest == -INFINITY ? 0 : exp(row[j] - largest);
    for (size_t j = 0; j < n && sum > 0; j++)
        row[j] /= sum;
}

rows sinusoid(size_t n, size_t d, double base, bool wide) {
    rows e = make_rows(n, d);
    for (size_t t = 0; t < n; t++)
        for (size_t j = 0; j < d; j++) {
            const float step = (float)(-log(base) / (double)d);
            const float w = (float)exp((double)((float)(j / 2 * 2) * step));
            const double a = wide ? (double)t / pow(base, (double)(j / 2 * 2) / (double)d) : (double)((float)t * w);
            e.at[t * d + j] = j % 2 ? cos(a) : sin(a);
        }
    return e;
}

size_t random_length(void) { return random_bool() ? random_size(1, 12) : random_size(1, 300); }
