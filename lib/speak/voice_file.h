/* voice_file.h - an espeak-ng voice as one file, its melody open to change. Floor 5. */
#ifndef STY_SPEAK_VOICE_FILE_H
#define STY_SPEAK_VOICE_FILE_H

#include "base/buf.h"

#include <stdio.h>

/* Zero-initialise. */
typedef struct sty_voice_file {
    sty_buf text;  /* the file of the language, then that of the variant */
    int low, high; /* their `pitch LOW HIGH`, or espeak-ng's 80 118 */
} sty_voice_file;

/* Reads the files of a voice, "gmw/en-US" or "gmw/en+f2" (espeak_VOICE.identifier),
 * below espeak-ng's data folder. False where they are not to be read. */
bool sty_voice_file_read(const char *data, const char *identifier, sty_voice_file *file);

/* Writes the voice with another melody, ready to be read from its start. */
bool sty_voice_file_write(const sty_voice_file *file, int low, int high, FILE *to);

void sty_voice_file_clear(sty_voice_file *file);

#endif
