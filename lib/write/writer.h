/* writer.h - results into files. Floor 2.
 *
 * One output format per file behind one interface; a format is a row in
 * writer.c. Records come one by one and are written as they come: memory does
 * not grow with their number. The file appears under its name when it is whole. */
#ifndef STY_WRITE_WRITER_H
#define STY_WRITE_WRITER_H

#include "base/file.h"
#include "base/param.h"

/* One computed output of a clip. */
typedef struct sty_field {
    const char *name;
    sty_view view;
    const char *const *labels; /* one for each value of a vector, or NULL */
} sty_field;

/* Everything known of one clip, good or failed. */
typedef struct sty_record {
    const char *id, *path;
    const char *input;       /* the id of the input that this is a record of; NULL: id */
    const char *series;      /* the id of the recording that this is a window of, or NULL */
    double start_s, duration_s;
    int channel; /* 0: all channels mixed */
    int rate_hz; /* of the source; 0: unknown (features) */
    size_t n_frames;
    sty_status status;
    const char *message;       /* of a failure */
    const char *const *notes;  /* what was done to the audio: resampled, ... */
    size_t n_notes;
    const sty_field *fields;
    size_t n_fields;
    const char *model_name, *model_hash;
    size_t n_pieces;           /* the fields are means of so many; 0: of one */
    size_t n_padded;           /* samples or frames added to a short clip */
    double left_out_s;         /* behind the last window of a recording: less than a window */
    const char *speaker;       /* or NULL */
    const char *const *column_names, *const *columns; /* of the list, carried along; values may be NULL */
    size_t n_columns;
} sty_record;

enum { STY_MAX_COLUMNS = 32 };

typedef struct sty_writer sty_writer;

/* A format: fixed at its creation, then put for each record, then close. */
typedef struct sty_writer_type {
    const char *name;       /* for -f */
    const char *extension;  /* ".jsonl" */
    const char *summary;
    bool failures;          /* failed records are written too */
    bool any_shape;         /* outputs may differ in shape from clip to clip */
    bool columns;           /* has a place for list columns */
    bool plain_ids;         /* ids may not hold blanks */
    bool model_beside;      /* has no place for the model: OUT.model.txt says it */
    size_t state_size;
    sty_status (*prepare)(sty_writer *writer, sty_err *err); /* before the file is opened; may be NULL */
    sty_status (*open)(sty_writer *writer, sty_err *err);
    sty_status (*put)(sty_writer *writer, const sty_record *record, sty_err *err);
    sty_status (*close)(sty_writer *writer, sty_err *err); /* last bytes; commit follows */
    void (*clear)(sty_writer *writer);                     /* frees the state; may be NULL */
} sty_writer_type;

struct sty_writer {
    const sty_writer_type *type;
    char *path;            /* of the file that `out` writes */
    char *second;          /* S of "ark,scp:A,S"; or NULL */
    bool text_form;        /* "ark,t:" */
    bool overwrite;
    bool wide;             /* for the format's use */
    sty_out *out;
    size_t n_records;
    char *model_name, *model_hash; /* of the first good record; NULL before it */
    sty_buf text; /* scratch of text formats */
    void *state;
};

extern const sty_writer_type *const sty_writer_types[];
extern const size_t sty_n_writer_types;

/* What sty_writer_open would refuse, without making anything; and the file that
 * the results go to (of ark,scp:A,S it is A, of projector:DIR DIR), or NULL for
 * standard output and devices, to be freed. */
sty_status sty_writer_check(const char *path, const char *format, bool overwrite, const sty_writer_type **type,
                            char **file, sty_err *err);

/* Of "ark,scp:A,S", "projector:DIR" the length up to the colon; 0: a plain path. */
size_t sty_specifier_length(const char *path);

/* Whether its reader expects keys in C order ("ark,s,cs:F"). */
bool sty_specifier_sorts(const char *path);

/* path "-" is standard output. format NULL: by extension, jsonl for "-".
 * Errors: STY_BAD_ARGUMENT (unknown format, the file exists), STY_OUTPUT_ERROR. */
sty_status sty_writer_open(const char *path, const char *format, bool overwrite,
                           sty_writer **writer, sty_err *err);

/* Errors: STY_OUTPUT_ERROR; STY_BAD_ARGUMENT when the format cannot hold the
 * record (its shape differs from the first one's). */
sty_status sty_writer_put(sty_writer *writer, const sty_record *record, sty_err *err);

/* Hands everything put so far to the system (streams that someone reads along). */
sty_status sty_writer_flush(sty_writer *writer, sty_err *err);

/* Finishes and makes the output appear. Frees writer in every case. */
sty_status sty_writer_close(sty_writer *writer, sty_err *err);

/* Where a format that has no place for it keeps the model: one line in
 * OUT.model.txt, as the first one of `stylet model hash`. */
#define STY_MODEL_BESIDE ".model.txt"

/* Leaves nothing behind. NULL is fine. */
void sty_writer_abort(sty_writer *writer);

/* ---- for the formats ---- */

/* One record as a JSON object, without a line end. */
void sty_record_json(const sty_record *record, sty_buf *out);

/* Its member "model":{"name":NAME,"hash":HASH}, which the archive of `npz` has as comment. */
void sty_model_json(const char *name, const char *hash, sty_buf *out);

/* Writes and empties writer->text. */
sty_status sty_writer_send(sty_writer *writer, sty_err *err);

/* The shapes of the fields of the first record; later ones must be equal. */
enum { STY_MAX_FIELDS = 32 };
typedef struct sty_fields {
    size_t n;
    struct {
        char *name;
        int rank;
        size_t dim[STY_MAX_RANK], count;
    } field[STY_MAX_FIELDS];
} sty_fields;

sty_status sty_fields_check(sty_fields *fields, const sty_record *record, const char *format,
                            sty_err *err);
void sty_fields_clear(sty_fields *fields);

#endif
