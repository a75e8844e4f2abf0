/* mel.c - `stylet mel`: the front end alone, as a .npy array [frames, bins]. Frames are written
 * as they are made, so that a clip of any length takes the memory of a short one. */
#include "commands.h"
#include "common.h"
#include "messages.h"

typedef struct {
    model_options model;
    const char *preset, *output, *dump;
    bool overwrite;
} mel_options;

static const option_row options[] = {
    COMMON_OPTIONS,
    MODEL_OPTIONS,
    {0, "preset", "librosa|tacotron2|hifigan|torchaudio-htk|espnet", OPTION_TEXT, offsetof(mel_options, preset), 0, 0,
     "a published front end instead of a model's"},
    {'o', "output", "FILE.npy", OPTION_TEXT, offsetof(mel_options, output), 0, 0,
     "where the array goes; - is standard output [-]"},
    {0, "overwrite", NULL, OPTION_FLAG, offsetof(mel_options, overwrite), 0, 0, "replace an existing file"},
    {0, "dump-stages", "DIR", OPTION_TEXT, offsetof(mel_options, dump), 0, 0,
     "write every step as DIR/NN-NAME.npy"},
};

/* Frames that are made and written at once. */
enum { ROWS = 1024 };

static sty_status write_rows(sty_front_end_state *state, const char *path, size_t n_frames, size_t n_bins, sty_out *out,
                             sty_err *err) {
    sty_status status = STY_OK;
    float *rows = sty_alloc(ROWS * n_bins, sizeof *rows);
    if (!rows) return sty_err_no_memory(err, ROWS * n_bins, "features");
    for (size_t at = 0, n; at < n_frames && status == STY_OK; at += n) {
        n = n_frames - at < ROWS ? n_frames - at : ROWS;
        status = sty_front_end_frames_at(state, at, n, rows, err);
        if (status != STY_OK) name_input(path, err);
        else status = sty_out_write(out, rows, n * n_bins * sizeof *rows, err);
    }
    sty_free(rows);
    return status;
}

/* The features of what the front end was opened for: the bytes of sty_npy_write. */
static sty_status write_features(const mel_options *o, sty_front_end_state *state, const char *path, size_t n_frames,
                                 size_t n_bins, sty_err *err) {
    char header[STY_NPY_HEADER];
    sty_out *out;
    if (!sty_npy_header("<f4", 2, (const size_t[]){n_frames, n_bins}, header))
        return sty_err_set(err, STY_TOO_LONG, "%zu frames do not fit into a header", n_frames);
    STY_TRY(sty_out_open(o->output ? o->output : "-", o->overwrite, &out, err));
    sty_status status = sty_out_write(out, header, sizeof header, err);
    if (status == STY_OK) status = write_rows(state, path, n_frames, n_bins, out, err);
    if (status == STY_OK) return sty_out_commit(out, err);
    sty_out_abort(out);
    return status;
}

/* Every step into the folder of --dump-stages. */
static sty_status show_steps(sty_front_end_state *state, const stage_dump *dump, const char *path, sty_err *err) {
    float *features;
    const sty_status status = sty_front_end_all(state, &features, err);
    if (status != STY_OK) name_input(path, err);
    else if (dump->err.status != STY_OK) *err = dump->err;
    return status == STY_OK ? dump->err.status : status;
}

static sty_status compute(const mel_options *o, sty_front_end_state *state, const char *path, size_t n_bins, sty_err *err) {
    sty_clip *clip = NULL;
    stage_dump dump;
    size_t n_frames = 0;
    if (o->dump) {
        if (!stage_dump_begin(&dump, o->dump)) return sty_err_set(err, STY_OUTPUT_ERROR, "no stages written");
        sty_front_end_state_watch(state, stage_dump_write, &dump);
    }
    STY_TRY(sty_clip_read(path, &(sty_clip_options){.stream = 1}, &clip, err));
    sty_status status = sty_front_end_open(state, clip, &n_frames, err);
    if (status != STY_OK) name_input(path, err);
    if (status == STY_OK && o->dump) status = show_steps(state, &dump, path, err);
    if (status == STY_OK) status = write_features(o, state, path, n_frames, n_bins, err);
    sty_clip_free(clip);
    return status;
}

/* The front end of --preset, else of the model. NULL after a message. */
static sty_model *open_front_end(const mel_options *o) {
    const sty_model_options how = {.overrides = o->model.set.items, .n_overrides = o->model.set.n};
    sty_model *model = NULL;
    sty_err err;
    if (!o->preset) return open_model(&o->model, false);
    if (o->model.model) {
        message_error("--preset and --model are both given, expected one of them");
        return NULL;
    }
    if (sty_model_from_preset(o->preset, &how, &model, &err) == STY_OK) return model;
    message_error("%s", err.message);
    return NULL;
}

static int run(void *options_, int n_args, char **args) {
    const mel_options *o = options_;
    sty_front_end_state *state = NULL;
    sty_err err;
    if (n_args != 1) {
        message_error("expected one audio file, %d are given (stylet mel --help)", n_args);
        return EXIT_USAGE;
    }
    sty_model *model = open_front_end(o);
    if (!model) return EXIT_USAGE;
    sty_status status = check_binary_output(o->output, "FILE.npy", &err);
    if (status == STY_OK) status = sty_front_end_state_create(model->front_end, &state, &err);
    if (status == STY_OK) status = compute(o, state, args[0], sty_model_facts(model)->n_features, &err);
    if (status != STY_OK) message_error("%s", err.message);
    sty_front_end_state_free(state);
    sty_model_free(model);
    return exit_code(status);
}

const command command_mel = {
    .name = "mel",
    .summary = "the features of a clip as a NumPy array",
    .usage = "[--preset NAME | -m MODEL] [--set KEY=VALUE] AUDIO [-o mel.npy]",
    .examples = "stylet mel speech.wav -o mel.npy\n"
                "stylet mel --preset hifigan --set fmax=none speech.wav -o mel.npy\n"
                "stylet mel -m my-model --set trim=none --dump-stages stages speech.wav -o mel.npy",
    .options = options,
    .n_options = STY_COUNT(options),
    .options_size = sizeof(mel_options),
    .run = run,
};
