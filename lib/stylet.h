/* stylet.h - the public interface of libstylet: speech in, style vectors out.
 *
 * Calling sequence
 *
 *     sty_err err;
 *     sty_model *model = NULL;
 *     sty_session *session = NULL;
 *     sty_clip *clip = NULL;
 *     sty_view style;
 *     const char *want[] = {"style"};
 *
 *     if (sty_model_open("models/default", NULL, &model, &err) ||
 *         sty_session_create(model, want, 1, &session, &err) ||
 *         sty_clip_read("speech.wav", NULL, &clip, &err) ||
 *         sty_session_run_clip(session, clip, &err) ||
 *         sty_session_output(session, "style", &style, &err))
 *         fprintf(stderr, "%s: %s\n", sty_status_name(err.status), err.message);
 *     sty_clip_free(clip);
 *     sty_session_free(session);
 *     sty_model_free(model);
 *
 * Conventions
 *   - A function that can fail for a reason outside the program returns
 *     sty_status and takes a caller-owned sty_err last (NULL is allowed).
 *     Results come back through out-pointers, untouched on failure.
 *   - Arrays are float32, row-major, the slowest axis first. Dimension letters:
 *     N samples, T frames, F frequency bins, M mels, C channels, D width,
 *     H heads, K tokens, E embedding.
 *   - The library never prints, never exits and keeps no global state, with one
 *     exception that it cannot avoid: the first model opened sets OpenBLAS to
 *     one thread for the whole process (results must not depend on its count).
 *
 * Threads: a model is immutable and may be shared. A session and a clip belong
 * to one thread at a time. Lifetimes: a model must outlive its sessions; a view
 * is valid until the session runs again or is freed.
 */
#ifndef STYLET_H
#define STYLET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STYLET_VERSION "0.1.0"

#if defined(__GNUC__)
#define STY_API __attribute__((visibility("default")))
#else
#define STY_API
#endif

/* Every status with the code that records and --status files show, and the text
 * for people. The first seventeen are about one input; a run goes on after them. */
#define STY_STATUS_MAP(X)                                                                          \
    X(OK, "ok", "no error")                                                                        \
    X(NOT_FOUND, "not_found", "the file does not exist")                                           \
    X(UNREADABLE, "unreadable", "the file exists but cannot be opened")                            \
    X(NOT_AUDIO, "not_audio", "the content is neither audio nor a feature matrix")                 \
    X(UNSUPPORTED_CODEC, "unsupported_codec", "audio in a coding that is not decoded")             \
    X(TRUNCATED, "truncated", "the file ends before its header says")                              \
    X(EMPTY, "empty", "no samples")                                                                \
    X(TOO_SHORT, "too_short", "fewer samples or frames than the model needs")                      \
    X(TOO_LONG, "too_long", "longer than the limit")                                               \
    X(NONFINITE, "nonfinite", "NaN or infinite samples")                                           \
    X(BAD_RATE, "bad_rate", "a sample rate out of range or refused by the model")                  \
    X(BAD_CHANNELS, "bad_channels", "a channel count or number that is refused")                   \
    X(IO_ERROR, "io_error", "reading failed")                                                      \
    X(TIMEOUT, "timeout", "took longer than allowed")                                              \
    X(CRASHED, "crashed", "the worker died on this input")                                         \
    X(OUT_OF_MEMORY, "out_of_memory", "memory ran out")                                            \
    X(BAD_LIST_ENTRY, "bad_list_entry", "the list entry cannot be used")                           \
    X(BAD_ARGUMENT, "bad_argument", "an argument or option is wrong")                              \
    X(BAD_MODEL, "bad_model", "the model folder is wrong")                                         \
    X(OUTPUT_ERROR, "output_error", "writing the output failed")                                   \
    X(CANCELLED, "cancelled", "stopped by a signal")                                               \
    X(INTERNAL, "internal", "a bug in stylet")

typedef enum sty_status {
#define STY_X(name, code, text) STY_##name,
    STY_STATUS_MAP(STY_X)
#undef STY_X
        STY_N_STATUS
} sty_status;

/* A failure: what happened, in one lower-case line that names the subject and
 * what was expected. Caller-owned; plain data. */
typedef struct sty_err {
    sty_status status;
    char message[768];
} sty_err;

/* The code of a status ("too_short") and its text. Never NULL, for any value. */
STY_API const char *sty_status_name(sty_status status);
STY_API const char *sty_status_text(sty_status status);

STY_API const char *sty_version(void);

/* ---- shapes and views -------------------------------------------------- */

#define STY_MAX_RANK 3

/* A read-only array. Vectors are [D]; sequences [T, D]; images [F, T, C];
 * token weights [H, K]; attention maps [H, Tq, Tk]. */
typedef struct sty_view {
    const float *data;
    int rank;
    size_t dim[STY_MAX_RANK];
} sty_view;

/* ---- audio ------------------------------------------------------------- */

/* Decoded audio: interleaved float32 in [-1, 1] for integer sources (value /
 * 2^(bits-1)), as stored for float sources. */
typedef struct sty_clip sty_clip;

typedef struct sty_clip_options {
    double start_s;        /* first second to keep; 0 */
    double end_s;          /* end in seconds; 0 or less = to the end */
    double max_duration_s; /* longer input is STY_TOO_LONG; 0 = 24 h */
    uint64_t max_bytes;    /* cap on piped input; 0 = 4 GiB */
    int zero_nonfinite;    /* replace NaN and Inf by 0 instead of STY_NONFINITE */
    int channel;           /* 0 = all (the front end mixes), n = only channel n, from 1 */
    int stream;            /* a recording of more than 4 million samples is not held (one from a pipe
                              becomes a file below TMPDIR): each run decodes it piece by piece,
                              sty_clip_samples is NULL, and what only decoding shows (truncated,
                              nonfinite) shows then */
} sty_clip_options;

/* Facts about a clip. */
typedef struct sty_clip_info {
    size_t n_frames; /* samples per channel */
    int n_channels;  /* of what is kept: 1 when a channel was chosen */
    int source_channels;
    int rate_hz;
    double start_s, duration_s;
    size_t n_zeroed; /* non-finite samples replaced */
    char format[64]; /* "WAV 16 bit PCM" */
} sty_clip_info;

/* Reads audio. path "-" is standard input; pipes and FIFOs are read to their
 * end first; a FIFO that nobody opens for writing within 5 s is STY_EMPTY. Samples
 * beyond 1e9 count as non-finite: their squares leave float32. Formats: what libsndfile reads, less the codings that are known
 * to be unsafe in shipped versions (see lib/README.md).
 * Errors: every input status of STY_STATUS_MAP but timeout and crashed. */
STY_API sty_status sty_clip_read(const char *path, const sty_clip_options *options, sty_clip **clip,
                                 sty_err *err);

/* The same from an open descriptor, which is not closed. name: for messages. */
STY_API sty_status sty_clip_read_fd(int fd, const char *name, const sty_clip_options *options,
                                    sty_clip **clip, sty_err *err);

/* Wraps samples in memory: interleaved [n_frames, n_channels], copied. */
STY_API sty_status sty_clip_from_samples(const float *samples, size_t n_frames, int n_channels,
                                         int rate_hz, sty_clip **clip, sty_err *err);

STY_API const sty_clip_info *sty_clip_facts(const sty_clip *clip);

/* Interleaved samples [n_frames, n_channels]. */
STY_API const float *sty_clip_samples(const sty_clip *clip);

STY_API void sty_clip_free(sty_clip *clip);

/* ---- model ------------------------------------------------------------- */

typedef struct sty_model sty_model;

/* Options of sty_model_open; all zero is the default. */
typedef struct sty_model_options {
    int verify; /* also compare the SHA-256 of each weights file */
    /* front-end values that replace the manifest's, "key=value" each */
    const char *const *overrides;
    size_t n_overrides;
} sty_model_options;

/* What the model is. Strings live as long as the model. */
typedef struct sty_model_info {
    const char *name, *description, *family, *folder;
    const char *hash; /* digest of manifest and tensors, 32 hexadecimal digits */
    int trained;      /* 0: the weights are random, results mean nothing */
    int rate_hz;
    size_t hop_samples, n_features;
    size_t n_layers, n_inputs, n_outputs;
    size_t n_parameters;
} sty_model_info;

/* One named output of a model. A dimension of 0 depends on the clip. */
typedef struct sty_output_info {
    const char *name, *description;
    int rank;
    size_t dim[STY_MAX_RANK];
    size_t n_labels; /* 0, or one label for each value of a vector */
    const char *const *labels;
    const char *const *units;
    size_t n_needs; /* graph inputs that must be bound for it, by name; features are none of them */
    const char *const *needs;
} sty_output_info;

/* One named graph input beside `features`. A dimension of 0 is free. */
typedef struct sty_input_info {
    const char *name;
    int rank;
    size_t dim[STY_MAX_RANK];
} sty_input_info;

/* Opens a model folder (or its manifest.json), checks every key, tensor and
 * shape, and prepares the weights. Nothing can fail in a layer after this.
 * Errors: STY_BAD_MODEL (with the JSON path), STY_OUT_OF_MEMORY. */
STY_API sty_status sty_model_open(const char *path, const sty_model_options *options,
                                  sty_model **model, sty_err *err);
STY_API void sty_model_free(sty_model *model);

/* A model that is a front end only: one of the published presets (librosa,
 * tacotron2, hifigan, torchaudio-htk, espnet), with overrides. Sessions of it give
 * `features` and nothing else. Errors: STY_BAD_ARGUMENT, STY_OUT_OF_MEMORY. */
STY_API sty_status sty_model_from_preset(const char *preset, const sty_model_options *options,
                                         sty_model **model, sty_err *err);

/* Names of the presets in order; NULL past the last. */
STY_API const char *sty_preset_name(size_t index);

STY_API const sty_model_info *sty_model_facts(const sty_model *model);
STY_API const sty_output_info *sty_model_output(const sty_model *model, size_t index);
STY_API const sty_input_info *sty_model_input(const sty_model *model, size_t index);

/* ---- session ----------------------------------------------------------- */

typedef struct sty_session sty_session;

/* A session computes the named outputs. A name is one of the manifest's
 * outputs, a layer ("gru"), or a layer's further output ("stl.attention").
 * n = 0 wants only features. Memory is planned for the longest clip seen; once
 * warm, running allocates nothing.
 * Errors: STY_BAD_ARGUMENT (unknown name, with the nearest one). */
STY_API sty_status sty_session_create(const sty_model *model, const char *const *outputs, size_t n,
                                      sty_session **session, sty_err *err);
STY_API void sty_session_free(sty_session *session);

/* Feeds a further graph input; the data are copied. It stays until replaced. */
STY_API sty_status sty_session_bind(sty_session *session, const char *name, const float *data,
                                    int rank, const size_t *dim, sty_err *err);

/* Runs front end and graph. Errors: STY_TOO_SHORT (with the minimum),
 * STY_BAD_RATE, STY_BAD_CHANNELS, STY_NONFINITE, STY_OUT_OF_MEMORY. */
STY_API sty_status sty_session_run_clip(sty_session *session, const sty_clip *clip, sty_err *err);

/* Runs the graph on features [T, n_features], as the front end would give. */
STY_API sty_status sty_session_run_features(sty_session *session, const float *features,
                                            size_t n_frames, size_t n_bins, sty_err *err);

/* An output of the last run by the name given at creation. "features" works too,
 * but after a clip so long that it ran in blocks only if it was named there.
 * Errors: STY_BAD_ARGUMENT. */
STY_API sty_status sty_session_output(const sty_session *session, const char *name, sty_view *view,
                                      sty_err *err);

/* The front end alone: features of a clip into the session. */
STY_API sty_status sty_session_run_front_end(sty_session *session, const sty_clip *clip,
                                             sty_err *err);

#ifdef __cplusplus
}
#endif
#endif
