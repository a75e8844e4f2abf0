/* place.h - what -o means: a path, or a Kaldi specifier, or a projector's folder. Floor 2. */
#ifndef STY_WRITE_PLACE_H
#define STY_WRITE_PLACE_H

#include "write/writer.h"

typedef struct sty_place {
    const sty_writer_type *type;
    char *path;   /* of the file that is written; of projector:DIR it is DIR/tensors.tsv */
    char *second; /* the index of an archive; or NULL */
    bool text;    /* of an archive */
} sty_place;

/* Errors: STY_BAD_ARGUMENT (unknown format, a specifier that means nothing). */
sty_status sty_place_find(const char *path, const char *format, sty_place *place, sty_err *err);
void sty_place_clear(sty_place *place);

#endif
