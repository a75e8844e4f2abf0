/* list_parts.h - what the readers of the list kinds share. Floor 5. */
#ifndef STY_CORPUS_LIST_PARTS_H
#define STY_CORPUS_LIST_PARTS_H

#include "base/buf.h"
#include "corpus/list.h"
#include "model/json.h"

/* ---- lines of a file, plain or gzip ---- */

typedef struct sty_lines {
    void *file; /* gzFile; NULL: live */
    int fd;     /* when live */
    const char *name;
    char *data;
    size_t begin, end, capacity, number; /* number of the line given last */
    size_t searched; /* bytes from begin on without a line end */
    char separator;
    bool ended;
    size_t offset; /* where the first line begins: behind a byte order mark */
} sty_lines;

/* Errors: STY_BAD_ARGUMENT (a list that cannot be read is a usage error). */
sty_status sty_lines_open(sty_lines *lines, const char *path, char separator, sty_err *err);

/* The same without decompression, for lines that arrive one by one: fill reads what
 * is there (once), take gives the next line if it is whole. They end when `ended` is
 * set and take gives none. */
sty_status sty_lines_open_live(sty_lines *lines, const char *path, sty_err *err);
sty_status sty_lines_fill(sty_lines *lines, sty_err *err);
bool sty_lines_take(sty_lines *lines, char **text, size_t *n);

/* The next line without its end (a carriage return before it is dropped too),
 * NUL-terminated and writable until the next call. *text is NULL at the end. */
sty_status sty_lines_next(sty_lines *lines, char **text, size_t *n, sty_err *err);

/* Gives the first line again; only directly after it was read. */
void sty_lines_rewind(sty_lines *lines);
void sty_lines_close(sty_lines *lines);

/* ---- entries ---- */

/* A new entry, or NULL (the error is set). It and its texts are valid until the next one,
 * or until it is kept. */
sty_entry *sty_list_new(sty_list *list, size_t line, sty_err *err);

/* The same, of a line that cannot be used. */
sty_status sty_list_bad(sty_list *list, size_t line, const char *text, sty_err *err, const char *format, ...)
    STY_PRINTF(5, 6);

sty_status sty_list_keep(sty_list *list, sty_err *err);

/* Puts an entry in place of the i-th, or behind the last. */
sty_status sty_list_put(sty_list *list, size_t i, const sty_entry *entry, sty_err *err);
/* The folder of the i-th entry's path with its slash; "" for none, NULL if it is of no
 * file. It stays. */
const char *sty_list_folder(const sty_list *list, size_t i);
void sty_list_store_empty(struct sty_list_store *store);
void sty_list_store_clear(struct sty_list_store *store);

/* Copies text; NULL with err set when memory ends. */
const char *sty_list_text(sty_list *list, const char *text, size_t n, sty_err *err);

/* Sets kind, path and offset from what a list says: PATH, PATH.ark:OFFSET,
 * COMMAND |. relative: a relative path is below the list's folder. */
sty_status sty_list_source(sty_list *list, sty_entry *entry, const char *text, bool relative, sty_err *err);

/* Makes the entry bad; format as printf. */
sty_status sty_list_spoil(sty_list *list, sty_entry *entry, sty_err *err, const char *format, ...) STY_PRINTF(4, 5);

/* Stores a column if it is one of those wanted. */
sty_status sty_list_set_column(sty_list *list, sty_entry *entry, const char *name, const char *value, sty_err *err);

/* Reads "1.25"; false when it is not a finite number. */
bool sty_list_seconds(const char *text, double *value);

/* What a column name means in tables and JSON objects. */
typedef enum sty_column {
    STY_COLUMN_OTHER,
    STY_COLUMN_PATH,
    STY_COLUMN_ID,
    STY_COLUMN_START,
    STY_COLUMN_END,
    STY_COLUMN_DURATION,
    STY_COLUMN_SPEAKER,
    STY_COLUMN_CHANNEL
} sty_column;
sty_column sty_column_of(const char *name);

/* Applies one value; a value that cannot be used spoils the entry. */
sty_status sty_list_apply(sty_list *list, sty_entry *entry, sty_column what, const char *value, sty_err *err);

/* ---- readers, one per kind ---- */

typedef sty_status (*sty_list_reader)(sty_list *list, sty_lines *lines, sty_err *err);
sty_status sty_list_read_plain(sty_list *list, sty_lines *lines, sty_err *err);
sty_status sty_list_read_scp(sty_list *list, sty_lines *lines, sty_err *err);
sty_status sty_list_read_ljspeech(sty_list *list, sty_lines *lines, sty_err *err);
sty_status sty_list_read_csv(sty_list *list, sty_lines *lines, sty_err *err);
sty_status sty_list_read_tsv(sty_list *list, sty_lines *lines, sty_err *err);
sty_status sty_list_read_jsonl(sty_list *list, sty_lines *lines, sty_err *err);
sty_status sty_list_read_json(sty_list *list, sty_lines *lines, sty_err *err);

/* Told by the first line. */
const char *sty_list_kind(const char *name, const char *first_line);

/* Adds the files of a folder, names in C order. */
sty_status sty_list_read_folder(sty_list *list, const char *path, sty_err *err);

/* Kaldi's segments and utt2spk, over the entries so far. */
sty_status sty_list_join_segments(sty_list *list, sty_err *err);
sty_status sty_list_join_speakers(sty_list *list, sty_err *err);

/* Ids that do not come from paths alone, with options.id_from. */
sty_status sty_list_give_id(sty_list *list, sty_entry *entry, sty_buf *id, bool *changed, sty_err *err);
size_t sty_list_common_root(const sty_list *list); /* bytes */
void sty_list_path_id(const sty_list *list, const sty_entry *entry, sty_buf *id); /* of one that has none */
sty_status sty_list_check_ids(const sty_list *list, sty_listed *listed, sty_err *err);

/* Columns that an id template names, after keep. */
sty_status sty_list_plan_columns(sty_list *list, sty_err *err);

#endif
