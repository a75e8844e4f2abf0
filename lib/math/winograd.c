/* winograd.c - a few groups of four bins at a time: their sums, with zeros at both ends of
 * the frames, then for each tile of channels six products and the sums behind them.
 *
 * Short rows go together, so that one load of weights serves many frames; a row of one
 * frame (a sequence seen as bins) is only the extreme of that. */
#include "math/winograd.h"

#include "base/mem.h"
#include "math/tiles.h"

#include <string.h>

enum { TIME, FREQUENCY, TILE = STY_CONV_TILE, LEAST_CHANNELS = 32 };
enum { PLANES = STY_WINOGRAD_PLANES, STEPS = STY_WINOGRAD_STEPS };

/* Floats of sums that stay in the second cache, and frames that make a tile worth loading. */
enum { CACHED = 96 << 10, ENOUGH_FRAMES = 48 };

enum { PRODUCTS = PLANES * STY_CONV_FRAMES * TILE };

static bool fits(const sty_conv *conv) {
    return conv->kernel[FREQUENCY] == 3 && conv->stride[FREQUENCY] == 1 && conv->dilation[FREQUENCY] == 1 &&
           conv->dilation[TIME] == 1 && conv->groups == 1 && conv->in_channels >= LEAST_CHANNELS &&
           conv->out_channels >= LEAST_CHANNELS;
}

static bool is_sequence(const sty_conv *conv) {
    return conv->whole && conv->kernel[FREQUENCY] == 1 && conv->stride[FREQUENCY] == 1 &&
           conv->pad_before[FREQUENCY] + conv->pad_after[FREQUENCY] == 0;
}

/* The same convolution with frames as bins. */
static sty_conv turned(const sty_conv *conv) {
    sty_conv t = *conv;
    t.whole = false;
    for (int axis = 0; axis < 2; axis++) {
        t.kernel[axis] = conv->kernel[1 - axis];
        t.stride[axis] = conv->stride[1 - axis];
        t.dilation[axis] = conv->dilation[1 - axis];
        t.pad_before[axis] = conv->pad_before[1 - axis];
        t.pad_after[axis] = conv->pad_after[1 - axis];
    }
    return t;
}

bool sty_winograd_fits(const sty_conv *conv) {
    const sty_conv t = turned(conv);
    return fits(conv) || (is_sequence(conv) && fits(&t));
}

static size_t run_length(const sty_conv *conv) { return conv->kernel[TIME] * conv->in_channels; }

static size_t n_tiles(const sty_conv *conv) { return (conv->out_channels + TILE - 1) / TILE; }

/* Taps over time: what is left when the three over bins are taken. */
size_t sty_winograd_packed(const sty_conv *conv) {
    const size_t taps = fits(conv) ? conv->kernel[TIME] : 1;
    return n_tiles(conv) * PLANES * taps * conv->in_channels * TILE;
}

/* The taps as a polynomial at a point, over its distances from the other points. */
static double value_at(const float *w, size_t point) {
    static const double points[] = {0, STY_WINOGRAD_A, -STY_WINOGRAD_A, STY_WINOGRAD_B, -STY_WINOGRAD_B};
    if (point == STY_COUNT(points)) return (double)w[2]; /* infinity */
    const double p = points[point];
    double distances = 1;
    for (size_t q = 0; q < STY_COUNT(points); q++)
        if (q != point) distances *= p - points[q];
    return ((double)w[0] + p * ((double)w[1] + p * (double)w[2])) / distances;
}

/* packed: [tile][plane][kernel time][in][TILE], zeros for channels that the last tile lacks */
void sty_winograd_pack(const sty_conv *conv, const float *weight, const float *gain, float *packed) {
    const size_t ci = conv->in_channels, kt = fits(conv) ? conv->kernel[TIME] : 1, plane = kt * ci * TILE;
    memset(packed, 0, sty_winograd_packed(conv) * sizeof *packed);
    for (size_t o = 0; o < conv->out_channels; o++)
        for (size_t i = 0; i < ci; i++)
            for (size_t t = 0; t < kt; t++) {
                const float *w = weight + ((o * ci + i) * kt + t) * 3;
                float *to = packed + o / TILE * PLANES * plane + (t * ci + i) * TILE + o % TILE;
                const double scale = gain ? (double)gain[o] : 1.0;
                for (size_t p = 0; p < PLANES; p++)
                    to[p * plane] = (float)(scale * value_at(w, p));
            }
}

/* One run. A row of sums is [padded][in]; the groups of a plane lie behind each other. */
typedef struct {
    const sty_conv *conv;
    const sty_kernels *kernels;
    const float *packed, *bias;
    size_t n_bins, n_frames, out_bins, out_frames;
    size_t padded, n_groups; /* frames of a row of sums, groups at a time at most */
    size_t row, plane;      /* floats of a row of sums, of a plane */
    float *sums, *products, *zeros, *out;
} grouped;

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static grouped plan(const sty_conv *conv, size_t n_bins, size_t n_frames) {
    grouped p = {.conv = conv,
                 .n_bins = n_bins,
                 .n_frames = n_frames,
                 .out_bins = sty_conv_length(conv, FREQUENCY, n_bins),
                 .out_frames = sty_conv_length(conv, TIME, n_frames),
                 .padded = n_frames + conv->pad_before[TIME] + conv->pad_after[TIME]};
    p.row = p.padded * conv->in_channels;
    const size_t cached = p.row ? CACHED / (PLANES * p.row) : 0;
    const size_t wanted = p.out_frames ? (ENOUGH_FRAMES + p.out_frames - 1) / p.out_frames : 1;
    p.n_groups = least(cached > wanted ? cached : wanted, (p.out_bins + STEPS - 1) / STEPS);
    p.plane = p.n_groups * p.row;
    return p;
}

size_t sty_winograd_scratch(const sty_conv *conv, size_t n_bins, size_t n_frames) {
    const sty_conv t = turned(conv);
    if (!fits(conv)) return sty_winograd_scratch(&t, n_frames, n_bins);
    const grouped p = plan(conv, n_bins, n_frames);
    return sty_whole_lines(PLANES * p.plane) + PRODUCTS + n_frames * conv->in_channels;
}

/* The sums of the group of output bins from `bin` on. */
static void add_up(const grouped *p, const float *x, size_t bin, float *to) {
    const size_t ci = p->conv->in_channels, pad = p->conv->pad_before[FREQUENCY];
    const size_t before = p->conv->pad_before[TIME] * ci, after = p->conv->pad_after[TIME] * ci;
    const size_t floats = p->n_frames * ci;
    const float *rows[PLANES];
    float *sums[PLANES];
    for (size_t j = 0; j < PLANES; j++) {
        const size_t at = bin + j;
        rows[j] = at < pad || at - pad >= p->n_bins ? p->zeros : x + (at - pad) * floats;
        sums[j] = to + j * p->plane + before;
        memset(to + j * p->plane, 0, before * sizeof *to);
        memset(sums[j] + floats, 0, after * sizeof *to);
    }
    p->kernels->winograd_in(rows, floats, sums);
}

/* Results of frames [first, first + n) of the groups that begin at bin, channels from o on. */
static void finish(const grouped *p, sty_conv_tile tile, size_t bin, size_t first, size_t n, size_t o) {
    const size_t co = p->conv->out_channels, frames = p->out_frames;
    for (size_t i = 0; i < n;) {
        const size_t group = (first + i) / frames, t = (first + i) % frames, at = bin + STEPS * group;
        const size_t steps = least(STEPS, p->out_bins - at);
        /* rows of one frame: as many groups as are whole */
        tile.n_frames = least(n - i, frames == 1 && steps == STEPS ? (p->out_bins - at) / STEPS : frames - t);
        tile.out = p->out + (at * frames + t) * co + o;
        tile.out_step = frames == 1 ? STEPS * co : co;
        p->kernels->winograd_out(&tile, p->products + i * TILE, STY_CONV_FRAMES * TILE, frames * co, steps);
        i += tile.n_frames;
    }
}

/* Frames [first, first + n) of the groups that begin at bin, all channels. */
static void multiply(const grouped *p, size_t bin, size_t first, size_t n) {
    const sty_conv *conv = p->conv;
    const size_t run = run_length(conv);
    const float none[TILE] = {0};
    sty_conv_window windows[STY_CONV_FRAMES];
    for (size_t i = 0; i < n; i++) {
        const size_t group = (first + i) / p->out_frames, t = (first + i) % p->out_frames;
        windows[i] = (sty_conv_window){p->sums + group * p->row + t * conv->stride[TIME] * conv->in_channels, 0};
    }
    for (size_t o = 0; o < conv->out_channels; o += TILE) {
        float bias[TILE] = {0};
        sty_conv_tile tile = {.windows = windows, .n_frames = n, .n_rows = 1, .n_taps = 1, .run = run, .chunk = STY_CONV_CHUNK, .bias = none,
                              .weights = p->packed + o * PLANES * run, .out_step = TILE, .n_channels = TILE};
        for (size_t plane = 0; plane < PLANES; plane++, tile.weights += run * TILE) {
            tile.offset = plane * p->plane;
            tile.out = p->products + plane * STY_CONV_FRAMES * TILE;
            tile.next = plane + 1 < PLANES || o + TILE < conv->out_channels ? tile.weights + run * TILE : NULL;
            p->kernels->conv_tile(&tile);
        }
        tile.n_channels = least(TILE, conv->out_channels - o);
        if (p->bias) memcpy(bias, p->bias + o, tile.n_channels * sizeof *bias);
        tile.bias = bias;
        tile.activation = conv->activation;
        tile.slope = conv->slope;
        finish(p, tile, bin, first, n, o);
    }
}

void sty_winograd_run(const sty_conv *conv, const float *packed, const float *bias, const float *x,
                        size_t n_bins, size_t n_frames, float *out, float *scratch) {
    const sty_conv t = turned(conv);
    if (!fits(conv)) {
        sty_winograd_run(&t, packed, bias, x, n_frames, n_bins, out, scratch);
        return;
    }
    grouped p = plan(conv, n_bins, n_frames);
    p.kernels = sty_kernels_chosen();
    p.packed = packed;
    p.bias = bias;
    p.out = out;
    p.sums = scratch;
    p.products = scratch + sty_whole_lines(PLANES * p.plane);
    p.zeros = p.products + PRODUCTS;
    memset(p.zeros, 0, n_frames * conv->in_channels * sizeof *p.zeros);
    for (size_t bin = 0; bin < p.out_bins; bin += STEPS * p.n_groups) {
        const size_t n = least(p.n_groups, (p.out_bins - bin + STEPS - 1) / STEPS), frames = n * p.out_frames;
        for (size_t i = 0; i < n; i++)
            add_up(&p, x, bin + STEPS * i, p.sums + i * p.row);
        for (size_t first = 0; first < frames; first += STY_CONV_FRAMES)
            multiply(&p, bin, first, least(STY_CONV_FRAMES, frames - first));
    }
    if (!sty_tiles_fuse(conv->activation))
        p.kernels->activate(conv->activation, conv->slope, out, p.out_bins * p.out_frames * conv->out_channels);
}
