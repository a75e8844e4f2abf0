/* mel.c - `stylet mel`: the front end alone, as a .npy array [frames, bins]. */
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

static sty_status compute(const mel_options *o, sty_session *session, const char *path, sty_err *err) {
    sty_clip *clip = NULL;
    stage_dump dump;
    sty_view view;
    if (o->dump) {
        if (!stage_dump_begin(&dump, o->dump)) return sty_err_set(err, STY_OUTPUT_ERROR, "no stages written");
        sty_session_watch(session, stage_dump_write, &dump);
    }
    STY_TRY(sty_clip_read(path, NULL, &clip, err));
    sty_status status = sty_session_run_front_end(session, clip, err);
    if (status != STY_OK) sty_err_prefix(err, "'%s': ", path);
    sty_clip_free(clip);
    STY_TRY(status);
    if (o->dump && dump.err.status != STY_OK) {
        *err = dump.err;
        return dump.err.status;
    }
    STY_TRY(sty_session_output(session, "features", &view, err));
    return sty_npy_write(o->output ? o->output : "-", view.data, view.rank, view.dim, o->overwrite, err);
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
    sty_session *session = NULL;
    sty_err err;
    if (n_args != 1) {
        message_error("expected one audio file, %d are given (stylet mel --help)", n_args);
        return EXIT_USAGE;
    }
    sty_model *model = open_front_end(o);
    if (!model) return EXIT_USAGE;
    sty_status status = sty_session_create(model, NULL, 0, &session, &err);
    if (status == STY_OK) status = compute(o, session, args[0], &err);
    if (status != STY_OK) message_error("%s", err.message);
    sty_session_free(session);
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
