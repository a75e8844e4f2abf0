/* options.h - command lines as tables. One row says how an option is written,
 * what it takes, where it goes and what it means; the same rows parse, make the
 * help, and are checked by the tests. */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include "tool.h"

#include <stdio.h>

typedef enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_INT,    /* int, in low..high */
    OPTION_NUMBER, /* double, in low..high */
    OPTION_TEXTS   /* text_list: may be repeated */
} option_kind;

typedef struct text_list {
    const char **items;
    size_t n;
} text_list;

typedef struct option_row {
    char letter; /* 0: none */
    const char *name, *argument;
    option_kind kind;
    size_t offset;
    double low, high;
    const char *help;
} option_row;

typedef struct command {
    const char *name, *summary;
    const char *usage;    /* behind "stylet NAME" */
    const char *examples; /* shown first, one a line */
    const option_row *options;
    size_t n_options, options_size;
    int (*run)(void *options, int n_args, char **args);
} command;

/* Exit codes (product.md). */
enum {
    EXIT_OK = 0,
    EXIT_SOME_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NONE_DONE = 3,
    EXIT_OUTPUT = 75,
    EXIT_INTERRUPTED = 130,
    EXIT_TERMINATED = 143
};

/* Options every command has. First member of every options struct. */
typedef struct common_options {
    bool help, quiet;
} common_options;

#define COMMON_OPTIONS                                                                             \
    {'h', "help", NULL, OPTION_FLAG, offsetof(common_options, help), 0, 0, "this text"},           \
    {'q', "quiet", NULL, OPTION_FLAG, offsetof(common_options, quiet), 0, 0, "errors only on stderr"}

/* What -f takes. */
#define FORMATS "jsonl|json|csv|tsv|npy|npz|safetensors|ark|projector"

/* Options of commands that use a model. Second member where it is used. */
typedef struct model_options {
    common_options common;
    const char *model;
    text_list set;
    bool exact; /* read by main.c */
} model_options;

#define MODEL_OPTIONS                                                                              \
    {'m', "model", "MODEL", OPTION_TEXT, offsetof(model_options, model), 0, 0,                     \
     "model folder [$STYLET_MODEL, else the shipped one]"},                                        \
    {0, "set", "KEY=VALUE", OPTION_TEXTS, offsetof(model_options, set), 0, 0,                      \
     "replace a front-end value of the manifest"},                                                \
    {0, "exact", NULL, OPTION_FLAG, offsetof(model_options, exact), 0, 0,                          \
     "plain kernels: the same bits on every processor of this architecture, slower"}

/* Parses options into the struct and leaves the operands in args, in order.
 * Options and operands may mix; "--" ends the options. Returns false after a
 * message on stderr. */
bool options_parse(const command *cmd, void *target, int *n_args, char **args);

/* What may stand behind an option, told from its argument's name: "fail|zero" are
 * words (those in capitals, as N in "mix|N", only stand for something), FILE, DIR,
 * LIST, MODEL and SOURCE name files. */
typedef enum option_value { VALUE_NONE, VALUE_WORDS, VALUE_FILE, VALUE_OTHER } option_value;
option_value option_takes(const option_row *row);

/* The next word of "fail|zero|N" that is meant as it stands, from *text on: its
 * beginning, with its length; NULL at the end. Moves *text behind it. */
const char *option_word(const char **text, size_t *n);

/* What the first operand has to be, "info|verify|hash" of the usage; "" when it is free. */
const char *command_verbs(const command *cmd, char *text, size_t n);

/* Frees lists. */
void options_clear(const command *cmd, void *target);

void options_help(const command *cmd, FILE *out);

#endif
