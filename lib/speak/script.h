/* script.h - which letters a text is written in, and who reads them. Floor 5. */
#ifndef STY_SPEAK_SCRIPT_H
#define STY_SPEAK_SCRIPT_H

#include "base/err.h"

/* A language for a text by its letters alone: that of most letters ("ru" for
 * Cyrillic), "en" for Latin letters and for texts without any (numbers).
 * Errors: STY_BAD_ARGUMENT for letters that no voice of espeak-ng reads, and for
 * bytes that are not UTF-8. */
enum { STY_LANGUAGE_BYTES = 8 };
sty_status sty_script_language(const char *text, char language[STY_LANGUAGE_BYTES], sty_err *err);

/* Whether a voice of this language reads at least half of the text's letters.
 * Errors: STY_BAD_ARGUMENT, with a language that does. */
sty_status sty_script_check(const char *text, const char *language, sty_err *err);

#endif
