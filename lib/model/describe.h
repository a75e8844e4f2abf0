/* describe.h - models in words and tables. Floor 3. */
#ifndef STY_MODEL_DESCRIBE_H
#define STY_MODEL_DESCRIBE_H

#include "model/model.h"

/* Facts of the bound graph as a JSON object, line breaks between its members. */
void sty_describe_json(const sty_model *model, sty_buf *out);

/* The same as tables for people. */
void sty_describe_text(const sty_model *model, sty_buf *out);

/* The front end's values that differ from their defaults, "key=value", or all. */
void sty_describe_front_end(const sty_model *model, bool all, const char *between, sty_buf *out);

/* The entry of a manifest's `weights` for a safetensors file. Errors: those of
 * reading and parsing it. */
sty_status sty_describe_weights(const char *path, sty_buf *out, sty_err *err);

/* The JSON Schema of manifests, made from the tables that read them. */
void sty_describe_schema(sty_buf *out);

/* XXH3-128 of each tensor, "DIGEST  NAME" lines. Errors: STY_OUT_OF_MEMORY. */
sty_status sty_describe_hashes(const sty_model *model, sty_buf *out, sty_err *err);

#endif
