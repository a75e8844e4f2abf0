/* param.h - typed parameters described by tables. Floor 0.
 *
 * A table row gives a parameter's name, type, range, default and meaning. The
 * same rows read a manifest (values from JSON), read the command line ("key=value"),
 * make the JSON Schema and are checked against models/README.md. A layer type, the
 * front end: each is a struct and a table. */
#ifndef STY_BASE_PARAM_H
#define STY_BASE_PARAM_H

#include "base/buf.h"

typedef enum sty_param_kind {
    STY_PARAM_INT,    /* int */
    STY_PARAM_NUMBER, /* double; "none" is NAN */
    STY_PARAM_BOOL,   /* bool */
    STY_PARAM_CHOICE, /* int, index into choices */
    STY_PARAM_PAIR,   /* int[2]; one integer sets both */
    STY_PARAM_ORDER,  /* unsigned char[STY_MAX_ORDER]: every choice exactly once */
    STY_PARAM_NAME    /* char[STY_MAX_NAME], "" when not given */
} sty_param_kind;

enum { STY_MAX_NAME = 128, STY_MAX_ORDER = 8 };

/* "none" of an INT parameter that allows it. */
#define STY_NONE (-1)

typedef struct sty_param {
    const char *name;
    sty_param_kind kind;
    size_t offset;              /* into the struct */
    const char *initial;        /* default as text; NULL = must be given */
    double low, high;           /* range of numbers */
    bool none;                  /* "none" (JSON null) is allowed: STY_NONE or NAN */
    const char *const *choices; /* NULL-terminated, for CHOICE and ORDER */
    const char *help;           /* one sentence */
} sty_param;

/* A value before it has a type: from JSON or from text. */
typedef struct sty_value {
    enum { STY_VALUE_NONE, STY_VALUE_BOOL, STY_VALUE_NUMBER, STY_VALUE_TEXT, STY_VALUE_LIST } kind;
    double number; /* also the boolean */
    const char *text;
    const struct sty_value *items; /* LIST */
    size_t n_items;
} sty_value;

/* Sets every parameter that has a default. */
void sty_params_init(const sty_param *table, size_t n, void *target);

/* The row called name, or NULL. */
const sty_param *sty_params_find(const sty_param *table, size_t n, const char *name);

/* Stores one value. Errors: STY_BAD_ARGUMENT, "'n_fft' is 0, expected an integer
 * from 16 to 65536". */
sty_status sty_param_set(const sty_param *param, void *target, const sty_value *value,
                         sty_err *err);

/* The same from text: none, true, false, numbers, names, comma lists. */
sty_status sty_param_set_text(const sty_param *param, void *target, const char *text,
                              sty_err *err);

/* The stored value as JSON. */
void sty_param_print(const sty_param *param, const void *target, sty_buf *out);

/* The JSON Schema of one parameter. */
void sty_param_schema(const sty_param *param, sty_buf *out);

/* The known name that was probably meant, or NULL. names: name_at(context, i) for i < n. */
const char *sty_nearest_name(const char *name, const char *(*name_at)(const void *context, size_t i),
                             const void *context, size_t n);

/* An unknown name: fills err with it, the nearest of the known names, and what
 * it is ("key"). */
sty_status sty_unknown_name(const char *what, const char *name, const char *(*name_at)(const void *context, size_t i),
                            const void *context, size_t n, sty_err *err);

/* The same over a parameter table. */
sty_status sty_unknown_param(const sty_param *table, size_t n, const char *name, sty_err *err);

#endif
