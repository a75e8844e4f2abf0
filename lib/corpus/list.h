/* list.h - what to work on: any list in, one kind of entry out. Floor 5.
 *
 * Sources are added one after another (files, folders, lists of ten kinds), then
 * sty_list_finish gives every entry its id and refuses duplicates, before
 * anything is computed. A line that cannot be used becomes an entry of kind
 * STY_SOURCE_BAD, which a run reports as `bad_list_entry` and passes over; a list
 * that is wrong as a whole (no such file, a table without a path column) is an
 * error. Reads list files only, never audio.
 *
 * Kinds, told by content or by options.format:
 *   plain      a path a line; m3u; NUL-separated with null_separated
 *   scp        Kaldi wav.scp: ID PATH | ID PATH.ark:OFFSET | ID COMMAND |
 *   jsonl      an object a line: NeMo, lhotse recordings and cuts, AudioFolder
 *   json       one JSON list of the same objects
 *   csv tsv    a header row with a path column
 *   ljspeech   ID|text|text, audio in wavs/ID.wav beside the list
 * Any of them may be compressed with gzip. Paths are relative to the list's
 * folder, those of plain (but not m3u), scp and lhotse lists to the working
 * directory, as the tools they come from have it. */
#ifndef STY_CORPUS_LIST_H
#define STY_CORPUS_LIST_H

#include "base/buf.h"
#include "corpus/texts.h"

typedef enum sty_source_kind {
    STY_SOURCE_FILE,
    STY_SOURCE_STDIN,   /* path "-" */
    STY_SOURCE_ARK,     /* audio at a byte offset of path */
    STY_SOURCE_COMMAND, /* path is a shell command whose output is audio */
    STY_SOURCE_BAD      /* problem says why */
} sty_source_kind;

/* One clip: a file or a part of one. */
typedef struct sty_entry {
    const char *id;
    const char *path;            /* of a bad entry: the line, or "" */
    const char *speaker;         /* or NULL */
    const char *problem;         /* of a bad entry */
    const char *const *columns;  /* [n_columns] of the list; absent ones NULL. NULL when there are none */
    uint64_t offset;             /* bytes, of an ark */
    double start_s, end_s;       /* end 0: to the end */
    double duration_s;           /* as the list says; 0: unknown */
    uint32_t line;               /* of the list, from 1; 0: not from a list */
    short channel;               /* from 1; 0: not given */
    short kind;                  /* sty_source_kind */
} sty_entry;

typedef struct sty_list_options {
    const char *format;       /* NULL: told by content */
    const char *id_from;      /* NULL, "path", "stem", "column:NAME" or a template "{speaker}-{stem}" */
    const char *glob;         /* file names taken from folders; NULL: known audio extensions */
    const char *utt2spk;      /* Kaldi's file, or NULL */
    const char *segments;     /* Kaldi's file, or NULL: entries are parts of the scp's recordings */
    const char *const *keep;  /* columns to carry along */
    size_t n_keep;
    bool null_separated;
    bool recursive;           /* folders are read, with all below them */
    bool allow_pipes;         /* COMMAND entries; refused as bad entries otherwise */
} sty_list_options;

enum { STY_LIST_COLUMNS = 31 };

/* Entries are kept packed, some thirty bytes each (list_store.c). */
typedef struct sty_list {
    size_t n;
    const char **columns; /* names: keep first, then those that id_from needs */
    size_t n_columns;
    const sty_list_options *options; /* must outlive the list */
    const char *folder; /* of the list being read, with its slash; "" for none */
    sty_texts names; /* of columns, of the folder */
    bool finished;
    size_t root; /* bytes of the folder that all paths have in common */
    struct sty_list_store {
        unsigned char *bytes; /* entry after entry, in pages */
        uint32_t *at;         /* [n] in pages: where each begins */
        size_t n_bytes, n_pages_bytes, n_pages_at, longest;
        sty_texts texts;
        const char **folders; /* of paths, each once, in texts */
        size_t n_folders, n_room;
        sty_text_index folder_index;
        sty_buf packed;
    } store;
    sty_entry now; /* being read, not kept yet, with its texts */
    bool open;
    sty_texts texts;
    const char *values[STY_LIST_COLUMNS + 1];
} sty_list;

/* An entry of a list, and room for its path, id and columns: they stay until another one
 * is taken into it. Other texts stay as long as the list does not change. Zero-initialise; begin makes it large enough for the
 * entries that the list has now. */
typedef struct sty_listed {
    sty_entry entry;
    const char *columns[STY_LIST_COLUMNS + 1];
    sty_buf path, id;
} sty_listed;
bool sty_listed_begin(sty_listed *listed, const sty_list *list);
const sty_entry *sty_list_at(const sty_list *list, size_t i, sty_listed *listed);
void sty_listed_clear(sty_listed *listed);

/* Entries of one and the same recording, that is neither bad nor standard input. */
bool sty_list_same_source(const sty_list *list, size_t i, size_t k);

/* Zero-initialises. Errors: STY_BAD_ARGUMENT (unknown format, bad template). */
sty_status sty_list_begin(sty_list *list, const sty_list_options *options, sty_err *err);

/* Adds one operand: a file, "-", or a folder (with recursive). */
sty_status sty_list_add(sty_list *list, const char *path, sty_err *err);

/* Adds the entries of a list; "-" is standard input. */
sty_status sty_list_add_list(sty_list *list, const char *path, sty_err *err);

/* Adds the entry that one JSON object describes (--json-input); bad text is a
 * bad entry. line: for messages. */
sty_status sty_list_add_object(sty_list *list, const char *text, size_t n, size_t line, sty_err *err);

/* Joins segments and speakers, gives ids, refuses duplicates (STY_BAD_ARGUMENT,
 * naming both). check_ids false: ids may repeat (a service has no memory). */
sty_status sty_list_finish(sty_list *list, bool check_ids, sty_err *err);

/* Forgets the entries, keeps the settings. */
void sty_list_empty(sty_list *list);
void sty_list_clear(sty_list *list);

/* The column's value of an entry, or NULL. */
const char *sty_list_column(const sty_list *list, const sty_entry *entry, const char *name);

#endif
