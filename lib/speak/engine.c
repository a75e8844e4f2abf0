/* engine.c - see engine.h. Functions are looked up once into a table of pointers
 * whose types come from espeak-ng's own header.
 *
 * espeak-ng's scale of the range ends at twice a voice's own, and the files of voices
 * are where more can be said. Another melody is the voice's own file with another line
 * `pitch`, a file without a name that espeak-ng reads as /dev/fd/N: nothing is left
 * behind, however the process ends. */
#define _POSIX_C_SOURCE 200809L
#include "speak/engine.h"

#include "base/param.h"
#include "speak/voice_file.h"

#include <dlfcn.h>
#include <espeak-ng/speak_lib.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FUNCTIONS(X)                                                                                                   \
    X(espeak_Info)                                                                                                     \
    X(espeak_Initialize)                                                                                               \
    X(espeak_SetSynthCallback)                                                                                         \
    X(espeak_ListVoices)                                                                                               \
    X(espeak_SetVoiceByName)                                                                                           \
    X(espeak_SetVoiceByFile)                                                                                           \
    X(espeak_GetCurrentVoice)                                                                                          \
    X(espeak_SetParameter)                                                                                             \
    X(espeak_Synth)                                                                                                    \
    X(espeak_Synchronize)                                                                                              \
    X(espeak_Terminate)

struct sty_engine {
    void *library;
    int rate_hz;
    char name[256];  /* of the voice */
    char data[4096]; /* folder */
    bool altered;    /* another melody is set */
    sty_voice_file file; /* of the voice, read when its melody is first asked for */
#define X(name) __typeof__(name) *name;
    FUNCTIONS(X)
#undef X
};

/* The callback gets no pointer of ours with every call. */
static sty_speech *filled;
static size_t most_samples;
static bool in_use;

/* ---- loading ---- */

static sty_status look_up(sty_engine *e, const char *name, void *pointer, sty_err *err) {
    void *symbol = dlsym(e->library, name);
    if (!symbol) return sty_err_set(err, STY_BAD_ARGUMENT, "libespeak-ng.so.1 has no function '%s'", name);
    memcpy(pointer, &symbol, sizeof symbol); /* ISO C has no cast from object to function pointers */
    return STY_OK;
}

static sty_status load(sty_engine *e, sty_err *err) {
    e->library = dlopen("libespeak-ng.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!e->library)
        return sty_err_set(err, STY_BAD_ARGUMENT,
                           "speaking needs espeak-ng, which is not here (Debian: apt-get install libespeak-ng1): %s", dlerror());
#define X(name) STY_TRY(look_up(e, #name, &e->name, err));
    FUNCTIONS(X)
#undef X
    return STY_OK;
}

/* Without its data espeak-ng would write to stderr and go on: looked at before. */
static sty_status find_data(sty_engine *e, sty_err *err) {
    char file[4096];
    struct stat st;
    const char *folder = NULL;
    void (*set_path)(const char *) = NULL;
    STY_TRY(look_up(e, "espeak_ng_InitializePath", &set_path, err));
    set_path(NULL);
    e->espeak_Info(&folder);
    const int length = snprintf(file, sizeof file, "%s/phontab", folder ? folder : "");
    if (length > 0 && (size_t)length < sizeof file && stat(file, &st) == 0) {
        snprintf(e->data, sizeof e->data, "%s", folder);
        return STY_OK;
    }
    return sty_err_set(err, STY_BAD_ARGUMENT, "espeak-ng has no data in '%s' (Debian: apt-get install espeak-ng-data)",
                       folder ? folder : "");
}

static void put(sty_speech *s, const short *wav, size_t n) {
    if (s->n + n > s->capacity) {
        const size_t capacity = 2 * (s->n + n) + 65536;
        short *grown = sty_resize(s->samples, s->capacity * sizeof *grown, capacity * sizeof *grown);
        if (!grown) {
            s->failed = true;
            return;
        }
        s->samples = grown;
        s->capacity = capacity;
    }
    memcpy(s->samples + s->n, wav, n * sizeof *wav);
    s->n += n;
}

/* ---- vowels ---- */

static bool is_vowel(unsigned long letter) {
    static const unsigned short others[] = {0x251, 0x250, 0x252, 0xe6, 0x259, 0x258, 0x25a, 0x25b, 0x25c, 0x25d,
                                            0x25e, 0x264, 0x268, 0x26a, 0x254, 0x153, 0x276, 0xf8, 0x275, 0x289, 0x28a,
                                            0x28c, 0x26f, 0x28f, 0x27f, 0x1d7b, 0x1d7f, 0x1d4a, 0x3b5};
    for (size_t i = 0; i < STY_COUNT(others); i++)
        if (letter == others[i]) return true;
    return letter < 128 && letter && strchr("aeiouy", (int)letter) != NULL;
}

/* Whether the IPA name of a phoneme holds a vowel; a diphthong is one phoneme. */
static bool names_vowel(const char *name, size_t n) {
    for (size_t i = 0; i < n && name[i];) {
        const unsigned char c = (unsigned char)name[i];
        const int length = sty_utf8_length(name + i, n - i);
        if (length == 0) break;
        unsigned long letter = length == 1 ? c : c & (0x7fu >> length);
        for (int k = 1; k < length; k++)
            letter = letter << 6 | ((unsigned char)name[i + (size_t)k] & 0x3f);
        if (is_vowel(letter)) return true;
        i += (size_t)length;
    }
    return false;
}

static void put_vowel(sty_speech *s, double at) {
    if (s->n_vowels == s->vowel_capacity) {
        const size_t capacity = 2 * s->n_vowels + 256;
        double *grown = sty_resize(s->vowel_s, s->n_vowels * sizeof *grown, capacity * sizeof *grown);
        if (!grown) {
            s->failed = true;
            return;
        }
        s->vowel_s = grown;
        s->vowel_capacity = capacity;
    }
    s->vowel_s[s->n_vowels++] = at;
}

static int receive(short *wav, int n, espeak_EVENT *events) {
    if (!filled) return 1;
    if (wav && n > 0) put(filled, wav, (size_t)n);
    for (; events && events->type != espeakEVENT_LIST_TERMINATED; events++)
        if (events->type == espeakEVENT_PHONEME && names_vowel(events->id.string, sizeof events->id.string))
            put_vowel(filled, events->audio_position / 1000.0);
    return filled->failed || (most_samples && filled->n >= most_samples);
}

/* ---- opening ---- */

static sty_status start(sty_engine *e, sty_err *err) {
    STY_TRY(load(e, err));
    STY_TRY(find_data(e, err));
    e->rate_hz = e->espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, NULL,
                                      espeakINITIALIZE_PHONEME_EVENTS | espeakINITIALIZE_PHONEME_IPA | espeakINITIALIZE_DONT_EXIT);
    if (e->rate_hz <= 0) return sty_err_set(err, STY_BAD_ARGUMENT, "espeak-ng cannot be started with the data it has");
    e->espeak_SetSynthCallback(receive);
    return STY_OK;
}

sty_status sty_engine_open(sty_engine **engine, sty_err *err) {
    if (in_use) return sty_err_set(err, STY_BAD_ARGUMENT, "espeak-ng is in use: one engine at a time in a process");
    sty_engine *e = sty_alloc(1, sizeof *e);
    if (!e) return sty_err_no_memory(err, sizeof *e, "the speech engine");
    in_use = true;
    const sty_status status = start(e, err);
    if (status == STY_OK) *engine = e;
    else sty_engine_close(e);
    return status;
}

/* The library stays in memory: unloading one that has started threads is unsafe. */
void sty_engine_close(sty_engine *engine) {
    if (!engine) return;
    if (engine->rate_hz > 0) engine->espeak_Terminate();
    sty_voice_file_clear(&engine->file);
    sty_free(engine);
    in_use = false;
}

/* ---- voices ---- */

typedef struct {
    const espeak_VOICE **list;
} variant_list;

static const char *variant_at(const void *context, size_t i) {
    const char *file = ((const variant_list *)context)->list[i]->identifier, *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

static sty_status check_variant(sty_engine *e, const char *variant, sty_err *err) {
    espeak_VOICE which = {.languages = "variant"};
    const variant_list variants = {e->espeak_ListVoices(&which)};
    size_t n = 0;
    for (; variants.list && variants.list[n]; n++)
        if (strcmp(variant_at(&variants, n), variant) == 0) return STY_OK;
    sty_unknown_name("voice variant", variant, variant_at, &variants, n, err);
    return STY_BAD_ARGUMENT;
}

sty_status sty_engine_voice(sty_engine *e, const char *language, const char *variant, sty_err *err) {
    /* espeak-ng leaves an unknown variant away without a word */
    if (variant) STY_TRY(check_variant(e, variant, err));
    const int length = snprintf(e->name, sizeof e->name, variant ? "%s+%s" : "%s", language, variant);
    if (length < 0 || (size_t)length >= sizeof e->name || !*language || strpbrk(language, "+/\\") ||
        e->espeak_SetVoiceByName(e->name) != EE_OK)
        return sty_err_set(err, STY_BAD_ARGUMENT, "espeak-ng has no voice '%s' (espeak-ng --voices lists its languages)", language);
    sty_voice_file_clear(&e->file);
    e->altered = false;
    return STY_OK;
}

bool sty_engine_melody(sty_engine *e, int *low, int *high) {
    if (!e->file.text.length && !e->altered) {
        const espeak_VOICE *voice = e->espeak_GetCurrentVoice();
        if (!voice || !voice->identifier || !sty_voice_file_read(e->data, voice->identifier, &e->file)) return false;
    }
    *low = e->file.low;
    *high = e->file.high;
    return e->file.text.length > 0;
}

/* The voice, or the voice with another melody. */
static sty_status choose_melody(sty_engine *e, const sty_engine_settings *s, sty_err *err) {
    int low, high, error = EE_OK;
    if (s->high) {
        const bool safe = s->low >= STY_LOW_LEAST && s->low <= STY_LOW_MOST && s->high > s->low && s->high - s->low <= STY_SPAN_MOST;
        FILE *file = safe && sty_engine_melody(e, &low, &high) ? tmpfile() : NULL;
        char path[32];
        e->altered = true;
        error = EE_INTERNAL_ERROR;
        if (file && sty_voice_file_write(&e->file, s->low, s->high, file)) {
            snprintf(path, sizeof path, "/dev/fd/%d", fileno(file));
            error = e->espeak_SetVoiceByFile(path);
        }
        if (file) fclose(file);
    } else if (e->altered) {
        error = e->espeak_SetVoiceByName(e->name);
        e->altered = false;
    }
    return error == EE_OK ? STY_OK : sty_err_set(err, STY_INTERNAL, "espeak-ng does not take another melody for the voice '%s'", e->name);
}

/* ---- speaking ---- */

sty_status sty_engine_say(sty_engine *e, const char *text, bool ssml, const sty_engine_settings *settings, double most_s,
                          sty_speech *speech, sty_err *err) {
    static const sty_engine_settings own = {STY_PITCH_OWN, STY_RANGE_OWN, STY_RATE_OWN, 0, 0};
    const sty_engine_settings *s = settings ? settings : &own;
    speech->n = speech->n_vowels = 0;
    speech->rate_hz = e->rate_hz;
    STY_TRY(choose_melody(e, s, err));
    e->espeak_SetParameter(espeakRATE, s->rate_wpm, 0);
    e->espeak_SetParameter(espeakPITCH, s->pitch, 0);
    e->espeak_SetParameter(espeakRANGE, s->range, 0);
    e->espeak_SetParameter(espeakVOLUME, 100, 0);
    filled = speech;
    most_samples = most_s > 0 ? (size_t)(most_s * e->rate_hz) : 0;
    srand(1);
    const espeak_ERROR error = e->espeak_Synth(text, strlen(text) + 1, 0, POS_CHARACTER, 0,
                                               espeakCHARS_UTF8 | espeakENDPAUSE | (ssml ? espeakSSML : 0), NULL, NULL);
    e->espeak_Synchronize();
    filled = NULL;
    if (speech->failed) return sty_err_no_memory(err, speech->n * sizeof *speech->samples, "the speech");
    if (error != EE_OK && !most_samples) return sty_err_set(err, STY_INTERNAL, "espeak-ng failed with error %d", (int)error);
    if (speech->n_vowels == 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "there is nothing to say in the text '%.60s'", text);
    return STY_OK;
}

void sty_speech_clear(sty_speech *speech) {
    sty_free(speech->samples);
    sty_free(speech->vowel_s);
    memset(speech, 0, sizeof *speech);
}
