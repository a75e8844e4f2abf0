/* speak.h - what the files of `stylet speak` share. */
#ifndef CMD_SPEAK_H
#define CMD_SPEAK_H

#include "recipe.h"

typedef struct speak_options {
    model_options model;
    const char *like, *like_text, *text_file, *voice, *output, *ssml_for;
    text_list from, token, head, change;
    double strength;
    const char *strength_text;
    bool ssml, dry, json, overwrite;
} speak_options;

/* How the reference is spoken, and where the numbers come from. */
typedef struct speak_reference {
    sty_manner manner;
    const char *kind; /* "clip", "style vector", "mix", "none" */
    bool measured;    /* F0, range and level by signal processing; else all by the model */
    double speaking_s; /* of a clip, pauses left out */
    bool by_time; /* the rate is syllables by speaking_s */
    char notes[256];  /* what was done to the audio, "" */
} speak_reference;

/* Reads --like, or --from and --token; none of them gives a reference that knows
 * nothing. *said: the message was printed. Errors: STY_BAD_ARGUMENT for a clip without
 * speech, those of reading and of the model. */
sty_status speak_read_reference(const speak_options *options, speak_reference *reference, bool *said, sty_err *err);

/* "pitch=+2st,rate=1.2" of --set into a change. */
sty_status speak_read_change(const text_list *texts, sty_change *change, sty_err *err);

/* Everything that a report shows. */
typedef struct speak_result {
    const speak_options *options;
    const speak_reference *reference;
    const char *language, *variant, *text;
    const sty_fit *fit;
    double duration_s;
} speak_result;

/* What could not be reached, one a line of words each; at most 4. */
enum { SPEAK_LIMITS = 4, SPEAK_LIMIT_BYTES = 160 };
size_t speak_limits(const speak_result *result, char limits[SPEAK_LIMITS][SPEAK_LIMIT_BYTES]);
void speak_print_text(const speak_result *result, sty_buf *out);
void speak_print_json(const speak_result *result, sty_buf *out);

#endif
