/* formats.h - the output formats by name, for the table in writer.c. Floor 2. */
#ifndef STY_WRITE_FORMATS_H
#define STY_WRITE_FORMATS_H

#include "write/writer.h"

extern const sty_writer_type sty_writer_jsonl;
extern const sty_writer_type sty_writer_json;
extern const sty_writer_type sty_writer_csv;
extern const sty_writer_type sty_writer_tsv;
extern const sty_writer_type sty_writer_npy;
extern const sty_writer_type sty_writer_npz;
extern const sty_writer_type sty_writer_safetensors;
extern const sty_writer_type sty_writer_ark;
extern const sty_writer_type sty_writer_projector;

#endif
