/* ssml.h - a manner as SSML, for any engine. Floor 5. */
#ifndef STY_SPEAK_SSML_H
#define STY_SPEAK_SSML_H

#include "base/buf.h"
#include "speak/engine.h"
#include "speak/manner.h"

/* A document of SSML 1.1 with the text inside one <prosody>: pitch, range and rate in
 * percent and volume in dB, all relative to the voice's own manner, so that an engine
 * with other voices moves as far from its own. Numbers not known are left out. */
void sty_ssml_write(const char *text, const char *language, const sty_manner *own, const sty_manner *goal, sty_buf *out);

/* The same for espeak-ng, which counts percent on its own scales (half of pitch is an
 * octave of the voice's base alone): these settings and this gain, as closely as whole
 * percent allow. */
void sty_ssml_write_espeak(const char *text, const char *language, const sty_engine_settings *settings, double gain_db,
                           sty_buf *out);

#endif
