/* voice_file.c - see voice_file.h. Loading a variant over a language, espeak-ng forgets
 * the language's tone and keeps the rest; joined into one file the lines of tone have to
 * be left out of the language. */
#include "speak/voice_file.h"

#include "base/file.h"
#include "base/param.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 16, OWN_LOW = 80, OWN_HIGH = 118 };

/* What espeak-ng's VoiceReset sets back. */
static bool is_tone(const char *line, size_t n) {
    static const char *const words[] = {"pitch", "formant", "echo", "flutter", "roughness", "tone", "voicing",
                                        "breath", "breathw", "consonants", "klatt", "speed"};
    for (size_t i = 0; i < STY_COUNT(words); i++)
        if (strlen(words[i]) == n && memcmp(words[i], line, n) == 0) return true;
    return false;
}

/* "pitch 82 118" in a line that ends somewhere. */
static void read_pitch(const char *line, sty_voice_file *file) {
    char *end, *rest;
    const long low = strtol(line + strlen("pitch"), &end, 10), high = strtol(end, &rest, 10);
    if (rest == end || low < -10000 || low > 10000 || high < -10000 || high > 10000) return;
    file->low = (int)low;
    file->high = (int)high;
}

static bool add(const char *path, bool with_tone, sty_voice_file *file) {
    sty_bytes bytes;
    if (sty_file_read(path, MOST_BYTES, &bytes, NULL) != STY_OK) return false;
    char *text = sty_copy_text((const char *)bytes.data, bytes.n);
    sty_bytes_clear(&bytes);
    for (const char *line = text; line && *line;) {
        const size_t n = strcspn(line, "\n"), word = strcspn(line, " \t\r\n");
        if (with_tone || !is_tone(line, word)) {
            sty_buf_put(&file->text, line, n);
            sty_buf_text(&file->text, "\n");
            if (word == 5 && memcmp(line, "pitch", 5) == 0) read_pitch(line, file);
        }
        line += n + (line[n] == '\n');
    }
    sty_free(text);
    return text && !file->text.failed;
}

bool sty_voice_file_read(const char *data, const char *identifier, sty_voice_file *file) {
    static const char *const folders[] = {"voices", "lang"};
    const char *plus = strchr(identifier, '+');
    const int n = plus ? (int)(plus - identifier) : (int)strlen(identifier);
    char path[4400];
    bool found = false;
    file->low = OWN_LOW;
    file->high = OWN_HIGH;
    for (size_t i = 0; i < STY_COUNT(folders) && !found; i++) {
        snprintf(path, sizeof path, "%s/%s/%.*s", data, folders[i], n, identifier);
        found = add(path, !plus, file);
    }
    if (found && plus) {
        snprintf(path, sizeof path, "%s/voices/!v/%s", data, plus + 1);
        found = add(path, true, file);
    }
    if (!found) sty_voice_file_clear(file);
    return found;
}

bool sty_voice_file_write(const sty_voice_file *file, int low, int high, FILE *to) {
    return fwrite(file->text.data, 1, file->text.length, to) == file->text.length &&
           fprintf(to, "\npitch %d %d\n", low, high) > 0 && fflush(to) == 0 && fseek(to, 0, SEEK_SET) == 0;
}

void sty_voice_file_clear(sty_voice_file *file) {
    sty_buf_clear(&file->text);
    memset(file, 0, sizeof *file);
}
