/* common.h - what several commands share: finding the model, reading one input,
 * remarks on what was done to the audio, exit codes. */
#ifndef CMD_COMMON_H
#define CMD_COMMON_H

#include "options.h"

/* Opens the model of -m, $STYLET_MODEL or the shipped one and warns once when it
 * is untrained. NULL after a message (exit EXIT_USAGE). */
sty_model *open_model(const model_options *options, bool verify);

/* The path of -m, $STYLET_MODEL or the shipped model, and whether something is
 * there. The path is valid until the next call. */
const char *model_path(const model_options *options);
bool model_exists(const char *path);

/* The path of what is shipped in models/ as name into text, where file (behind that
 * path) is there: beside the program, else installed. */
void shipped_path(const char *name, const char *file, char *text, size_t n);

/* The shipped model's folder into text: beside the program, else installed. */
void default_model_path(char *text, size_t n);

/* The first input that the output needs beside audio and that is not bound, or NULL. */
const char *output_lacks(const sty_output_info *output, const text_list *binds);

/* What is computed when nothing is named: "style"; where that needs an input that is
 * not bound, the first output of the manifest that does not, with a warning. */
const char *main_output(const sty_model *model, const text_list *binds);

/* An input that is audio or a feature matrix. */
typedef struct input {
    const char *path;
    sty_clip *clip; /* audio, or */
    sty_npy features;
    bool is_features;
} input;

/* "-" is standard input; a .npy file is told by its content. */
sty_status input_read(const char *path, const sty_clip_options *options, input *in, sty_err *err);
sty_status input_run(sty_session *session, const input *in, sty_err *err);
void input_clear(input *in);

/* Makes a message name the input; what decoding says does already. */
void name_input(const char *path, sty_err *err);

/* What the front end did to the audio beyond its plan: remarks such as "resampled
 * 22050 Hz to 16000 Hz", into notes (at most MAX_NOTES texts). */
enum { MAX_NOTES = 6, NOTE_BYTES = 80 };
typedef struct note_list {
    char text[MAX_NOTES][NOTE_BYTES];
    const char *items[MAX_NOTES];
    size_t n;
} note_list;
void input_notes(const input *in, const sty_model *model, int channel, note_list *notes);
void note_add(note_list *notes, const char *format, ...) STY_PRINTF(2, 3);

/* Exit code of a status that ends a command. */
int exit_code(sty_status status);

/* Refuses bytes that are no text for a terminal: output NULL and "-" are standard output.
 * name: of a file to give instead. */
sty_status check_binary_output(const char *output, const char *name, sty_err *err);

/* Prints buf to stdout; exit code. Clears buf. */
int print_buf(sty_buf *buf);

/* Writes each stage as FOLDER/NN-NAME.npy. */
typedef struct stage_dump {
    const char *folder;
    int n;
    sty_err err; /* of the first failure; status STY_OK: none */
} stage_dump;
bool stage_dump_begin(stage_dump *dump, const char *folder);
void stage_dump_write(void *dump, const char *name, const float *data, int rank, const size_t *dim);

/* Feeds --bind NAME=FILE.npy into a session. */
sty_status bind_inputs(sty_session *session, const text_list *binds, sty_err *err);

/* The same for a diagnosis, which takes random values for what is not fed. */
sty_status bind_diagnosis(sty_diagnosis *diagnosis, const text_list *binds, sty_err *err);

/* Splits "a,b" in place of a copy owned by the arena. */
sty_status split_names(const char *text, sty_arena *arena, const char ***names, size_t *n, sty_err *err);

#endif
