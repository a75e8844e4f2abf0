/* inspect.c - `stylet inspect`: one clip for people. What was read, how it became
 * features, and what each head of the token attention looks at. */
#define _GNU_SOURCE
#include "commands.h"
#include "common.h"
#include "messages.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef struct {
    model_options model;
    text_list bind;
    const char *dump;
    bool json;
} inspect_options;

static const option_row options[] = {
    COMMON_OPTIONS,
    MODEL_OPTIONS,
    {0, "bind", "NAME=FILE.npy", OPTION_TEXTS, offsetof(inspect_options, bind), 0, 0, "feed a further graph input"},
    {0, "json", NULL, OPTION_FLAG, offsetof(inspect_options, json), 0, 0, "the same as JSON"},
    {0, "dump-stages", "DIR", OPTION_TEXT, offsetof(inspect_options, dump), 0, 0,
     "write every step as DIR/NN-NAME.npy"},
};

/* ---- numbers about one row of weights ---- */

typedef struct {
    size_t top[3];
    double entropy;   /* nats */
    double effective; /* exp(entropy): how many tokens share the attention */
} row_facts;

static row_facts look(const float *w, size_t n) {
    row_facts f = {{0, 0, 0}, 0, 0};
    for (size_t i = 0; i < n; i++)
        if (w[i] > 0) f.entropy -= (double)w[i] * log((double)w[i]);
    f.effective = exp(f.entropy);
    for (size_t k = 0; k < STY_COUNT(f.top) && k < n; k++) {
        bool any = false;
        for (size_t i = 0; i < n; i++) {
            bool taken = false;
            for (size_t j = 0; j < k; j++)
                taken = taken || f.top[j] == i;
            if (!taken && (!any || w[i] > w[f.top[k]])) {
                f.top[k] = i;
                any = true;
            }
        }
    }
    return f;
}

/* ---- drawing ---- */

/* Attention maps are drawn at most this large, and of so many layers. */
enum { MAP_ROWS = 16, MAP_COLUMNS = 100, MAX_MAPS = 8 };

typedef struct {
    bool unicode, colour; /* colour: a terminal, and NO_COLOR is not set (no-color.org) */
    int width;
} screen;

static screen look_at_screen(void) {
    struct winsize size;
    screen s = {.width = 80};
    setlocale(LC_CTYPE, "");
    const char *codeset = nl_langinfo(CODESET), *term = getenv("TERM");
    s.unicode = codeset && strcmp(codeset, "UTF-8") == 0 && !(term && strcmp(term, "dumb") == 0);
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) s.width = size.ws_col;
    const char *no_colour = getenv("NO_COLOR");
    s.colour = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0 && !(no_colour && *no_colour);
    return s;
}

/* A cell of height 0..1. */
static void cell(const screen *s, double height, sty_buf *out) {
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    int level = (int)lround(height * 8);
    level = level < 0 ? 0 : level > 8 ? 8 : level;
    if (s->unicode) sty_buf_text(out, blocks[level]);
    else sty_buf_printf(out, "%d", level);
}

static void paint(const screen *s, bool on, sty_buf *out) {
    if (s->colour) sty_buf_text(out, on ? "\033[36m" : "\033[0m");
}

static void bar(const screen *s, double share, int width, sty_buf *out) {
    const int n = (int)lround(share * width);
    paint(s, true, out);
    for (int i = 0; i < n; i++)
        sty_buf_text(out, s->unicode ? "█" : "#");
    paint(s, false, out);
}

/* What stands beside the cells of a head takes so many columns. */
enum { BESIDE_CELLS = 66, FEWEST_CELLS = 14 };

/* One cell for each token, or for a few neighbours (their largest) where the line
 * would be longer than the screen. */
static void draw_cells(const screen *s, const float *row, size_t tokens, size_t step, double largest, sty_buf *out) {
    paint(s, true, out);
    for (size_t i = 0; i < tokens; i += step) {
        float most = row[i];
        for (size_t k = i; k < i + step && k < tokens; k++)
            most = row[k] > most ? row[k] : most;
        cell(s, (double)most / fmax(largest, 1e-12), out);
    }
    paint(s, false, out);
}

static void draw_heads(const screen *s, const sty_view *w, sty_buf *out) {
    const size_t heads = w->dim[0], tokens = w->dim[w->rank - 1];
    const size_t room = s->width >= BESIDE_CELLS + FEWEST_CELLS ? (size_t)s->width - BESIDE_CELLS : FEWEST_CELLS;
    const size_t step = (tokens + room - 1) / room, cells = (tokens + step - 1) / step;
    const int pad = cells < FEWEST_CELLS ? (int)(FEWEST_CELLS - cells) : 0;
    sty_buf_printf(out, "\nhead  tokens 0 to %zu%*s  strongest%*s entropy  effective tokens\n", tokens - 1,
                   (int)cells + pad - FEWEST_CELLS, "", 20, "");
    for (size_t h = 0; h < heads; h++) {
        const float *row = w->data + h * tokens;
        const row_facts f = look(row, tokens);
        sty_buf_printf(out, "%4zu  ", h);
        draw_cells(s, row, tokens, step, (double)row[f.top[0]], out);
        sty_buf_printf(out, "%*s  ", pad, "");
        for (size_t k = 0; k < STY_COUNT(f.top); k++)
            if (k < tokens) sty_buf_printf(out, "%4zu: %.2f", f.top[k], (double)row[f.top[k]]);
        sty_buf_printf(out, "  %7.2f  %.1f of %zu\n", f.entropy, f.effective, tokens);
    }
    if (step > 1) sty_buf_printf(out, "a cell is the largest of %zu neighbouring tokens\n", step);
}

static void draw_mean(const screen *s, const sty_view *w, sty_buf *out) {
    const size_t heads = w->dim[0], tokens = w->dim[w->rank - 1];
    double largest = 0;
    sty_buf_printf(out, "\ntoken  mean of %zu heads\n", heads);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < tokens; i++) {
            double mean = 0;
            for (size_t h = 0; h < heads; h++)
                mean += (double)w->data[h * tokens + i] / (double)heads;
            if (mean > largest) largest = mean;
            if (pass == 0) continue;
            sty_buf_printf(out, "%5zu  %.3f ", i, mean);
            bar(s, largest > 0 ? mean / largest : 0, s->width - 14, out);
            sty_buf_text(out, "\n");
        }
}

/* Means of blocks of one map [rows, columns], so that it fits into height x width. */
static void draw_map(const screen *s, const float *map, size_t rows, size_t columns, size_t height, size_t width,
                     sty_buf *out) {
    double mean[MAP_ROWS * MAP_COLUMNS], largest = 1e-12;
    for (size_t i = 0; i < height; i++)
        for (size_t j = 0; j < width; j++) {
            const size_t top = i * rows / height, bottom = (i + 1) * rows / height;
            const size_t left = j * columns / width, right = (j + 1) * columns / width;
            double sum = 0;
            for (size_t q = top; q < bottom; q++)
                for (size_t k = left; k < right; k++)
                    sum += (double)map[q * columns + k];
            sum /= (double)((bottom - top) * (right - left));
            mean[i * width + j] = sum;
            largest = fmax(largest, sum);
        }
    for (size_t i = 0; i < height; i++) {
        sty_buf_printf(out, "%6zu ", i * rows / height);
        for (size_t j = 0; j < width; j++)
            cell(s, mean[i * width + j] / largest, out);
        sty_buf_text(out, "\n");
    }
    sty_buf_text(out, "       ");
    cell(s, 1, out);
    sty_buf_printf(out, " is %.3g, the largest here\n", largest);
}

/* All heads of an attention map [heads, queries, keys]. */
static void draw_maps(const screen *s, const char *name, const sty_view *w, sty_buf *out) {
    const size_t rows = w->dim[1], columns = w->dim[2];
    const size_t room = (size_t)s->width - 8 < MAP_COLUMNS ? (size_t)s->width - 8 : MAP_COLUMNS;
    const size_t height = rows < MAP_ROWS ? rows : MAP_ROWS, width = columns < room ? columns : room;
    for (size_t h = 0; h < w->dim[0]; h++) {
        sty_buf_printf(out, "\n%s, head %zu: %zu queries down, %zu keys across%s\n", name, h, rows, columns,
                       height < rows || width < columns ? " (means of blocks)" : "");
        draw_map(s, w->data + h * rows * columns, rows, columns, height, width, out);
    }
}

/* ---- the report ---- */

typedef struct {
    const input *in;
    const sty_model *model;
    sty_view style, weights, labelled;
    size_t n_frames;
    const char *main; /* the output shown as a vector: style, where that is offered */
    bool has_style, has_weights;
    const sty_output_info *labels; /* an output with labels, or NULL */
    const char *map_names[MAX_MAPS];
    sty_view maps[MAX_MAPS];
    size_t n_maps;
} findings;

static void print_clip(const findings *f, sty_buf *out) {
    note_list notes;
    const sty_model_info *info = sty_model_facts(f->model);
    sty_buf_printf(out, "clip      %s\n", f->in->path);
    if (!f->in->is_features) {
        const sty_clip_info *c = sty_clip_facts(f->in->clip);
        sty_buf_printf(out, "          %.2f s, %d Hz, %d channel%s, %s\n", c->duration_s, c->rate_hz,
                       c->source_channels, c->source_channels == 1 ? "" : "s", c->format);
    }
    input_notes(f->in, f->model, 0, &notes);
    for (size_t i = 0; i < notes.n; i++)
        sty_buf_printf(out, "          %s\n", notes.text[i]);
    sty_buf_printf(out, "model     %s%s\n", info->name, info->trained ? "" : " (UNTRAINED)");
    sty_buf_text(out, "front end ");
    sty_describe_front_end(f->model, false, " ", out);
    sty_buf_printf(out, "\nfeatures  %zu frames x %zu bins\n", f->n_frames, info->n_features);
}

static void print_style(const findings *f, sty_buf *out) {
    double squares = 0;
    const size_t n = f->style.dim[f->style.rank - 1];
    for (size_t i = 0; i < n; i++)
        squares += (double)f->style.data[i] * (double)f->style.data[i];
    sty_buf_printf(out, "%-9s %zu values, length %.4g:", f->main, n, sqrt(squares));
    for (size_t i = 0; i < n && i < 6; i++)
        sty_buf_printf(out, " %.4g", (double)f->style.data[i]);
    sty_buf_text(out, n > 6 ? " ...\n" : "\n");
}

static void print_text(const findings *f, sty_buf *out) {
    const screen s = look_at_screen();
    print_clip(f, out);
    if (f->has_style) print_style(f, out);
    for (size_t i = 0; f->labels && i < f->labels->n_labels; i++)
        sty_buf_printf(out, "%s%-18s %10.4g %s\n", i ? "          " : "prosody   ", f->labels->labels[i],
                       (double)f->labelled.data[i], f->labels->units[i]);
    if (f->has_weights) {
        draw_heads(&s, &f->weights, out);
        draw_mean(&s, &f->weights, out);
    }
    for (size_t i = 0; i < f->n_maps; i++)
        draw_maps(&s, f->map_names[i], &f->maps[i], out);
}

static void print_json(const findings *f, sty_buf *out) {
    sty_buf_text(out, "{\"path\": ");
    sty_buf_json(out, f->in->path);
    if (!f->in->is_features) {
        const sty_clip_info *c = sty_clip_facts(f->in->clip);
        sty_buf_printf(out, ", \"duration\": %.6g, \"sample_rate\": %d, \"channels\": %d, \"format\": ",
                       c->duration_s, c->rate_hz, c->source_channels);
        sty_buf_json(out, c->format);
    }
    sty_buf_printf(out, ", \"num_frames\": %zu, \"front_end\": {", f->n_frames);
    sty_describe_front_end(f->model, true, ", ", out);
    sty_buf_text(out, "}, \"model\": {\"name\": ");
    sty_buf_json(out, sty_model_facts(f->model)->name);
    sty_buf_printf(out, ", \"hash\": \"%s\", \"trained\": %s}", sty_model_facts(f->model)->hash,
                   sty_model_facts(f->model)->trained ? "true" : "false");
    if (f->has_style) {
        sty_buf_text(out, ", ");
        sty_buf_json(out, f->main);
        sty_buf_text(out, ": ");
        sty_buf_json_array(out, f->style.data, f->style.rank, f->style.dim);
    }
    for (size_t i = 0; f->labels && i < f->labels->n_labels; i++) {
        sty_buf_text(out, i ? ", " : ", \"prosody\": {");
        sty_buf_json(out, f->labels->labels[i]);
        sty_buf_text(out, ": ");
        sty_buf_json_float(out, f->labelled.data[i]);
        if (i + 1 == f->labels->n_labels) sty_buf_text(out, "}");
    }
    if (f->has_weights) {
        const size_t heads = f->weights.dim[0], tokens = f->weights.dim[f->weights.rank - 1];
        sty_buf_text(out, ", \"token_weights\": ");
        sty_buf_json_array(out, f->weights.data, f->weights.rank, f->weights.dim);
        for (size_t h = 0; h < heads; h++) {
            const row_facts r = look(f->weights.data + h * tokens, tokens);
            sty_buf_printf(out, "%s{\"dominant_token\": %zu, \"entropy\": %.6g, \"effective_tokens\": %.6g}",
                           h ? ", " : ", \"heads\": [", r.top[0], r.entropy, r.effective);
        }
        sty_buf_text(out, "]");
    }
    sty_buf_text(out, "}\n");
}

/* The outputs that are shown, among those the model offers. */
static size_t choose(const sty_model *model, const text_list *binds, const char *main, const char **names,
                     const sty_output_info **labels) {
    const char *const shown[] = {main, "token_weights"};
    size_t n = 0;
    for (size_t i = 0; i < sty_model_facts(model)->n_outputs; i++) {
        const sty_output_info *output = sty_model_output(model, i);
        if (output_lacks(output, binds)) continue;
        for (size_t k = 0; k < STY_COUNT(shown); k++)
            if (strcmp(output->name, shown[k]) == 0) names[n++] = output->name;
        if (output->n_labels && !*labels) {
            *labels = output;
            names[n++] = output->name;
        }
    }
    return n;
}

static sty_status inspect(const inspect_options *o, const sty_model *model, sty_session *session, const input *in,
                          const char *main, const sty_output_info *labels, sty_buf *out, sty_err *err) {
    stage_dump dump = {0};
    findings f = {.in = in, .model = model, .main = main, .labels = labels};
    STY_TRY(bind_inputs(session, &o->bind, err));
    if (o->dump) {
        if (!stage_dump_begin(&dump, o->dump)) return sty_err_set(err, STY_OUTPUT_ERROR, "no stages written");
        sty_session_watch(session, stage_dump_write, &dump);
    }
    STY_TRY(input_run(session, in, err));
    if (dump.err.status != STY_OK) {
        *err = dump.err;
        return dump.err.status;
    }
    f.n_frames = sty_session_frames(session);
    f.has_style = sty_session_output(session, main, &f.style, NULL) == STY_OK;
    f.has_weights = sty_session_output(session, "token_weights", &f.weights, NULL) == STY_OK && f.weights.rank == 2;
    if (labels) STY_TRY(sty_session_output(session, labels->name, &f.labelled, err));
    f.n_maps = sty_model_attention_maps(model, main, f.map_names, MAX_MAPS);
    for (size_t i = 0; i < f.n_maps; i++)
        STY_TRY(sty_session_output(session, f.map_names[i], &f.maps[i], err));
    if (o->json) print_json(&f, out);
    else print_text(&f, out);
    return STY_OK;
}

static int run(void *options_, int n_args, char **args) {
    const inspect_options *o = options_;
    const sty_output_info *labels = NULL;
    const char *names[3 + MAX_MAPS];
    sty_session *session = NULL;
    sty_buf out = {0};
    input in = {0};
    sty_err err;
    if (n_args != 1) {
        message_error("expected one input, %d are given (stylet inspect --help)", n_args);
        return EXIT_USAGE;
    }
    sty_model *model = open_model(&o->model, false);
    if (!model) return EXIT_USAGE;
    const char *main = main_output(model, &o->bind);
    size_t n = choose(model, &o->bind, main, names, &labels);
    n += sty_model_attention_maps(model, main, names + n, MAX_MAPS);
    sty_status status = sty_session_create(model, names, n, &session, &err);
    if (status == STY_OK) status = input_read(args[0], &(sty_clip_options){.stream = 1}, &in, &err);
    if (status == STY_OK) status = inspect(o, model, session, &in, main, labels, &out, &err);
    int code = exit_code(status);
    if (status == STY_OK) code = print_buf(&out);
    else message_error("%s", err.message);
    sty_buf_clear(&out);
    input_clear(&in);
    sty_session_free(session);
    sty_model_free(model);
    return code;
}

const command command_inspect = {
    .name = "inspect",
    .summary = "one clip for people: token weights as bars",
    .usage = "[-m MODEL] AUDIO",
    .examples = "stylet inspect speech.wav\n"
                "stylet inspect -m my-model --json speech.wav\n"
                "stylet inspect --dump-stages stages speech.wav    every intermediate array as .npy",
    .options = options,
    .n_options = STY_COUNT(options),
    .options_size = sizeof(inspect_options),
    .run = run,
};
