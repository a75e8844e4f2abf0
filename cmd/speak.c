/* speak.c - `stylet speak`: text in, speech in the manner of a reference out. */
#define _POSIX_C_SOURCE 200809L
#include "speak.h"

#include "commands.h"
#include "common.h"
#include "messages.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_TEXT = 1 << 20 };
static const double LEAST_SYL_S = 1, MOST_SYL_S = 15; /* nobody speaks like that */

static const option_row options[] = {
    COMMON_OPTIONS,
    {'m', "model", "MODEL", OPTION_TEXT, offsetof(model_options, model), 0, 0, "model folder [$STYLET_MODEL, else the shipped one]"},
    {0, "like", "SOURCE", OPTION_TEXT, offsetof(speak_options, like), 0, 0,
     "the reference: a clip, or a style vector of FILE.npy, FILE.npz#ID, FILE.jsonl#ID"},
    {0, "like-text", "TEXT|@FILE", OPTION_TEXT, offsetof(speak_options, like_text), 0, 0,
     "what is said in the clip of --like, or a file of it: its syllables make the rate exact, which else are counted in the sound"},
    {0, "from", "SOURCE[:W]", OPTION_TEXTS, offsetof(speak_options, from), 0, 0, "or a mix: W times the style of a clip or vector, as in mix [1]"},
    {0, "token", "K=W", OPTION_TEXTS, offsetof(speak_options, token), 0, 0, "and weight W of style token K in every head"},
    {0, "head", "H:K=W", OPTION_TEXTS, offsetof(speak_options, head), 0, 0, "weight of token K in head H alone"},
    {0, "strength", "S", OPTION_TEXT, offsetof(speak_options, strength_text), 0, 0,
     "0: the voice's own manner, 1: the reference's, or between [1]"},
    {0, "set", "WHAT=VALUE", OPTION_TEXTS, offsetof(speak_options, change), 0, 0,
     "on top: pitch=+2st|-10%|180Hz, rate=1.2|5syl/s, range=0.5|4st, level=-3dB|-20dBFS; several with commas"},
    {0, "voice", "LANG[+VARIANT]", OPTION_TEXT, offsetof(speak_options, voice), 0, 0,
     "espeak-ng's voice; without variant (LANG+none: none) the nearest is chosen; auto: the language by the text's letters [auto]"},
    {0, "text-file", "FILE", OPTION_TEXT, offsetof(speak_options, text_file), 0, 0, "what to say; - is standard input"},
    {'o', "output", "FILE.wav", OPTION_TEXT, offsetof(speak_options, output), 0, 0, "where the speech goes; - is standard output"},
    {0, "overwrite", NULL, OPTION_FLAG, offsetof(speak_options, overwrite), 0, 0, "replace an existing file"},
    {0, "ssml", NULL, OPTION_FLAG, offsetof(speak_options, ssml), 0, 0, "print SSML for another engine instead, relative to its voice"},
    {0, "ssml-for", "any|espeak-ng", OPTION_TEXT, offsetof(speak_options, ssml_for), 0, 0,
     "the same for any engine, or for espeak-ng by its own scales [any]"},
    {0, "dry-run", NULL, OPTION_FLAG, offsetof(speak_options, dry), 0, 0, "print what was heard, chosen and reached; write no speech"},
    {0, "json", NULL, OPTION_FLAG, offsetof(speak_options, json), 0, 0, "that report as JSON"},
};

typedef struct {
    speak_options *o;
    sty_bytes file; /* of --text-file */
    sty_bytes like_file; /* of --like-text @FILE */
    const char *text;
    speak_reference reference;
    sty_change change;
    char language[64], variant[64];
    bool any_variant, said;
    sty_voices voices;
    sty_engine *engine;
    sty_speech speech;
    sty_fit fit;
} job;

/* ---- what is asked for ---- */

static sty_status check(job *j, sty_err *err) {
    speak_options *o = j->o;
    o->strength = 1;
    if (o->strength_text && (!recipe_number(o->strength_text, &o->strength) || o->strength < 0 || o->strength > 1))
        return sty_err_set(err, STY_BAD_ARGUMENT, "--strength is '%s', expected a number from 0 to 1", o->strength_text);
    if (o->like && (o->from.n || o->token.n || o->head.n))
        return sty_err_set(err, STY_BAD_ARGUMENT, "--like and --from, --token or --head are both given, expected one of them");
    if (!o->like && !o->from.n && !o->token.n && !o->head.n && !o->change.n)
        return sty_err_set(err, STY_BAD_ARGUMENT, "there is no reference: give --like, --from, --token or --set (stylet speak --help)");
    if (o->like_text && !o->like)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--like-text is given without --like, expected the clip in which it is said");
    if (o->ssml_for && strcmp(o->ssml_for, "any") != 0 && strcmp(o->ssml_for, "espeak-ng") != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--ssml-for is '%s', expected any or espeak-ng", o->ssml_for);
    o->ssml = o->ssml || o->ssml_for;
    if (!o->output && !o->dry && !o->ssml)
        return sty_err_set(err, STY_BAD_ARGUMENT, "-o is missing, expected a name.wav, or - for standard output");
    if (o->output && (o->dry || o->ssml))
        return sty_err_set(err, STY_BAD_ARGUMENT, "--%s writes no speech, so it takes no -o", o->dry ? "dry-run" : "ssml");
    if (o->dry && o->ssml) return sty_err_set(err, STY_BAD_ARGUMENT, "--dry-run and --ssml are both given, expected one of them");
    if (o->json && o->output && strcmp(o->output, "-") == 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--json and -o - both want standard output");
    return speak_read_change(&o->change, &j->change, err);
}

/* A file's text, ended by a zero byte. */
static sty_status end_text(const char *name, sty_bytes *file, sty_err *err) {
    if (memchr(file->data, 0, file->n)) return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is no text: it holds zero bytes", name);
    char *text = sty_copy_text((const char *)file->data, file->n);
    if (!text) return sty_err_no_memory(err, file->n, "the text");
    sty_bytes_clear(file);
    *file = (sty_bytes){(unsigned char *)text, strlen(text)};
    return STY_OK;
}

static sty_status read_text(job *j, int n_args, char **args, sty_err *err) {
    const char *path = j->o->text_file;
    if (n_args + (path != NULL) > 1)
        return sty_err_set(err, STY_BAD_ARGUMENT, "expected one text, %d are given; quote it", n_args + (path != NULL));
    if (n_args == 1) j->text = args[0];
    else {
        if (!path && isatty(STDIN_FILENO)) return sty_err_set(err, STY_BAD_ARGUMENT, "there is no text: give it in quotes (stylet speak --help)");
        if (!path || strcmp(path, "-") == 0) STY_TRY(sty_file_slurp(STDIN_FILENO, "standard input", MOST_TEXT, &j->file, err));
        else STY_TRY(sty_file_read(path, MOST_TEXT, &j->file, err));
        STY_TRY(end_text(path ? path : "-", &j->file, err));
        j->text = (const char *)j->file.data;
    }
    if (strlen(j->text) > MOST_TEXT) return sty_err_set(err, STY_BAD_ARGUMENT, "the text is longer than 1 MiB");
    return j->text[strspn(j->text, " \t\r\n")] ? STY_OK : sty_err_set(err, STY_BAD_ARGUMENT, "there is nothing to say: the text is empty");
}

/* ---- the voice ---- */

/* Of Latin ones: two bytes from C3 80 to C9 8F. */
static bool has_letters_beyond_ascii(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text >= 0xC3 && (unsigned char)*text <= 0xC9) return true;
    return false;
}

static sty_status read_voice(job *j, sty_err *err) {
    const char *voice = j->o->voice ? j->o->voice : "auto", *plus = strchr(voice, '+');
    char found[STY_LANGUAGE_BYTES];
    const size_t n = plus ? (size_t)(plus - voice) : strlen(voice);
    const char *variant = plus ? plus + 1 : "auto";
    if (n == 0 || n >= sizeof j->language || !*variant || strlen(variant) >= sizeof j->variant)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--voice is '%s', expected LANG, LANG+VARIANT or auto", voice);
    snprintf(j->language, sizeof j->language, "%.*s", (int)n, voice);
    STY_TRY(sty_script_language(j->text, found, err));
    if (strcmp(j->language, "auto") == 0) {
        snprintf(j->language, sizeof j->language, "%s", found);
        if (strcmp(found, "en") == 0 && has_letters_beyond_ascii(j->text))
            message_note("the text is read by a voice of the language 'en', which its letters do not rule out; --voice de or another names its own");
    }
    else STY_TRY(sty_script_check(j->text, j->language, err));
    j->any_variant = strcmp(variant, "auto") == 0;
    snprintf(j->variant, sizeof j->variant, "%s", j->any_variant || strcmp(variant, "none") == 0 ? "" : variant);
    return STY_OK;
}

/* A variant is chosen by the reference, whatever the strength; without one the voice stays plain. */
static sty_status choose_variant(job *j, sty_err *err) {
    char path[4400];
    if (!j->any_variant || isnan(j->reference.manner.f0_hz)) return STY_OK;
    shipped_path("voices.tsv", "", path, sizeof path);
    STY_TRY(sty_voices_read(path, &j->voices, err));
    sty_manner goal = sty_fit_goal(&j->reference.manner, &j->reference.manner, 0, &j->change);
    snprintf(j->variant, sizeof j->variant, "%.60s", sty_voices_choose(&j->voices, &goal)->name);
    return STY_OK;
}

/* The words of the reference, spoken by espeak-ng for the number of their vowels: in the voice's language,
 * or in that of their letters where the text has others. */
static sty_status count_words(job *j, sty_err *err) {
    const char *text = j->o->like_text;
    if (!text) return STY_OK;
    if (j->reference.speaking_s <= 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--like-text needs a clip, '%s' is a %s", j->o->like, j->reference.kind);
    if (*text == '@') {
        STY_TRY(sty_file_read(text + 1, MOST_TEXT, &j->like_file, err));
        STY_TRY(end_text(text + 1, &j->like_file, err));
        text = (const char *)j->like_file.data;
    }
    char language[STY_LANGUAGE_BYTES], said[STY_LANGUAGE_BYTES];
    sty_status status = sty_script_language(text, language, err);
    if (status == STY_OK) status = sty_script_language(j->text, said, err);
    if (status == STY_OK) status = sty_engine_voice(j->engine, strcmp(language, said) == 0 ? j->language : language, NULL, err);
    if (status == STY_OK) status = sty_engine_say(j->engine, text, false, NULL, 0, &j->speech, err);
    if (status != STY_OK) {
        sty_err_prefix(err, "--like-text: ");
        return status;
    }
    const double rate = (double)j->speech.n_vowels / j->reference.speaking_s;
    j->reference.manner.rate_syl_s = rate;
    j->reference.by_time = true;
    if (rate >= LEAST_SYL_S && rate <= MOST_SYL_S) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT, "--like-text has %zu syllables for the %.1f seconds spoken in '%s': it is of another clip",
                       j->speech.n_vowels, j->reference.speaking_s, j->o->like);
}

/* ---- the result ---- */

static void put_number(sty_buf *out, unsigned value, int bytes) {
    for (int i = 0; i < bytes; i++)
        sty_buf_put(out, &(unsigned char){(unsigned char)(value >> (8 * i))}, 1);
}

/* 16-bit mono RIFF. */
static sty_status write_wav(const job *j, sty_err *err) {
    const sty_speech *s = &j->speech;
    const unsigned bytes = (unsigned)(2 * s->n), rate = (unsigned)s->rate_hz;
    sty_buf out = {0};
    if (s->n > (UINT32_MAX - 64) / 2) return sty_err_set(err, STY_BAD_ARGUMENT, "the speech is longer than a WAV file can hold");
    sty_buf_text(&out, "RIFF");
    put_number(&out, 36 + bytes, 4);
    sty_buf_text(&out, "WAVEfmt ");
    put_number(&out, 16, 4);
    put_number(&out, 1, 2);
    put_number(&out, 1, 2);
    put_number(&out, rate, 4);
    put_number(&out, 2 * rate, 4);
    put_number(&out, 2, 2);
    put_number(&out, 16, 2);
    sty_buf_text(&out, "data");
    put_number(&out, bytes, 4);
    for (size_t i = 0; i < s->n; i++)
        put_number(&out, (unsigned)s->samples[i] & 0xffff, 2);
    sty_status status = out.failed ? sty_err_no_memory(err, out.capacity, "the speech")
                                   : sty_file_write(j->o->output, out.data, out.length, j->o->overwrite, err);
    sty_buf_clear(&out);
    return status;
}

static sty_status speak(job *j, sty_err *err) {
    STY_TRY(read_voice(j, err));
    STY_TRY(speak_read_reference(j->o, &j->reference, &j->said, err));
    STY_TRY(choose_variant(j, err));
    STY_TRY(sty_engine_open(&j->engine, err));
    STY_TRY(count_words(j, err));
    STY_TRY(sty_engine_voice(j->engine, j->language, *j->variant ? j->variant : NULL, err));
    const sty_fit_request request = {j->text, &j->reference.manner, j->o->strength, &j->change, j->reference.by_time};
    STY_TRY(sty_fit_speak(j->engine, &request, &j->speech, &j->fit, err));
    return j->o->output ? write_wav(j, err) : STY_OK;
}

static int report(const job *j) {
    sty_buf out = {0};
    char limits[SPEAK_LIMITS][SPEAK_LIMIT_BYTES];
    const speak_result result = {.options = j->o, .reference = &j->reference, .language = j->language,
                                 .variant = *j->variant ? j->variant : NULL, .text = j->text, .fit = &j->fit,
                                 .duration_s = (double)j->speech.n / j->speech.rate_hz};
    if (j->o->ssml_for && strcmp(j->o->ssml_for, "espeak-ng") == 0)
        sty_ssml_write_espeak(j->text, j->language, &j->fit.on_scales, j->fit.gain_db, &out);
    else if (j->o->ssml) sty_ssml_write(j->text, j->language, &j->fit.own, &j->fit.goal, &out);
    else if (j->o->json) speak_print_json(&result, &out);
    else if (j->o->dry) speak_print_text(&result, &out);
    const size_t n = j->o->dry ? 0 : speak_limits(&result, limits);
    if (*j->reference.notes && !j->o->dry) message_note("'%s': %s", j->o->like, j->reference.notes);
    for (size_t i = 0; i < n && !j->o->ssml; i++)
        message_note("not reached: %s", limits[i]);
    return out.length || out.failed ? print_buf(&out) : EXIT_OK;
}

static int run(void *options_, int n_args, char **args) {
    job j = {.o = options_};
    sty_err err;
    sty_status status = check(&j, &err);
    if (status == STY_OK && j.o->output) status = check_binary_output(j.o->output, "OUT.wav", &err);
    if (status == STY_OK) status = read_text(&j, n_args, args, &err);
    if (status == STY_OK) status = speak(&j, &err);
    int code = exit_code(status);
    if (status == STY_OK) code = report(&j);
    else if (!j.said) message_error("%s", err.message);
    sty_engine_close(j.engine);
    sty_speech_clear(&j.speech);
    sty_voices_clear(&j.voices);
    sty_bytes_clear(&j.file);
    sty_bytes_clear(&j.like_file);
    return code;
}

const command command_speak = {
    .name = "speak",
    .summary = "text to speech in the manner of a clip",
    .usage = "--like SOURCE [--voice LANG[+VARIANT]] \"TEXT\" -o OUT.wav",
    .examples = "stylet speak --like ref.wav \"Good morning.\" -o out.wav\n"
                "stylet speak --like ref.wav --strength 0.5 --set pitch=+2st,rate=1.2 \"Good morning.\" -o out.wav\n"
                "stylet speak --like ref.wav --like-text \"What is said there.\" \"Good morning.\" -o out.wav   the rate is exact\n"
                "stylet speak --like styles.npz#b_fast --voice fr \"Bonjour.\" -o out.wav      a stored style vector\n"
                "stylet speak --from a.wav:0.7 --from b.wav:0.3 --text-file page.txt -o -    a mix, to a pipe\n"
                "stylet speak --like ref.wav \"Good morning.\" --dry-run                       what was heard and chosen\n"
                "stylet speak --like ref.wav \"Good morning.\" --ssml                          for another engine",
    .options = options,
    .n_options = STY_COUNT(options),
    .options_size = sizeof(speak_options),
    .run = run,
};
