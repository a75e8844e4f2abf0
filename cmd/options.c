/* options.c - parsing and help from option tables. Own loop instead of
 * getopt_long: no global state, and an unknown option can name the nearest. */
#include "options.h"

#include "messages.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *field(const option_row *row, void *target) { return (char *)target + row->offset; }

static const char *name_at(const void *context, size_t i) {
    return ((const command *)context)->options[i].name;
}

static bool store_number(const option_row *row, void *to, const char *text) {
    char *end;
    errno = 0;
    const double v = sty_strtod(text, &end);
    const bool integer = row->kind == OPTION_INT;
    if (end == text || *end || errno || !isfinite(v) || v < row->low || v > row->high ||
        (integer && v != floor(v))) {
        message_error("--%s is '%s', expected %s from %.15g to %.15g", row->name, text,
                      integer ? "an integer" : "a number", row->low, row->high);
        return false;
    }
    if (integer) *(int *)to = (int)v;
    else *(double *)to = v;
    return true;
}

static bool append(text_list *list, const char *text) {
    const char **items = sty_resize(list->items, list->n * sizeof *items, (list->n + 1) * sizeof *items);
    if (!items) {
        message_error("out of memory");
        return false;
    }
    list->items = items;
    list->items[list->n++] = text;
    return true;
}

static bool store(const option_row *row, void *target, const char *text) {
    void *to = field(row, target);
    switch (row->kind) {
    case OPTION_FLAG: *(bool *)to = true; return true;
    case OPTION_TEXT: *(const char **)to = text; return true;
    case OPTION_INT:
    case OPTION_NUMBER: return store_number(row, to, text);
    case OPTION_TEXTS: return append(to, text);
    }
    return false;
}

static const option_row *find_long(const command *cmd, const char *name, size_t n) {
    for (size_t i = 0; i < cmd->n_options; i++)
        if (strlen(cmd->options[i].name) == n && memcmp(cmd->options[i].name, name, n) == 0)
            return &cmd->options[i];
    return NULL;
}

static const option_row *find_letter(const command *cmd, char letter) {
    for (size_t i = 0; i < cmd->n_options; i++)
        if (cmd->options[i].letter == letter) return &cmd->options[i];
    return NULL;
}

typedef struct {
    char **args;
    int n, at;
} cursor;

static bool needs_argument(const option_row *row) { return row->kind != OPTION_FLAG; }

static const char *next_argument(cursor *c, const option_row *row) {
    if (c->at + 1 < c->n) return c->args[++c->at];
    message_error("--%s needs %s", row->name, row->argument);
    return NULL;
}

static bool parse_long(const command *cmd, void *target, cursor *c) {
    const char *text = c->args[c->at] + 2, *equals = strchr(text, '=');
    const size_t n = equals ? (size_t)(equals - text) : strlen(text);
    const option_row *row = find_long(cmd, text, n);
    if (!row) {
        char name[64];
        sty_err err;
        snprintf(name, sizeof name, "%.*s", (int)(n < 63 ? n : 63), text);
        sty_unknown_name("option", name, name_at, cmd, cmd->n_options, &err);
        message_error("%s (stylet %s --help lists them)", err.message, cmd->name);
        return false;
    }
    if (!needs_argument(row)) {
        if (!equals) return store(row, target, NULL);
        message_error("--%s takes no value", row->name);
        return false;
    }
    const char *value = equals ? equals + 1 : next_argument(c, row);
    return value && store(row, target, value);
}

/* "-abc", "-oFILE", "-o FILE" */
static bool parse_letters(const command *cmd, void *target, cursor *c) {
    for (const char *p = c->args[c->at] + 1; *p; p++) {
        const option_row *row = find_letter(cmd, *p);
        if (!row) {
            message_error("unknown option -%c (stylet %s --help lists them)", *p, cmd->name);
            return false;
        }
        if (!needs_argument(row)) {
            store(row, target, NULL);
            continue;
        }
        const char *value = p[1] ? p + 1 : next_argument(c, row);
        return value && store(row, target, value);
    }
    return true;
}

bool options_parse(const command *cmd, void *target, int *n_args, char **args) {
    cursor c = {.args = args, .n = *n_args};
    int kept = 0;
    bool options_ended = false;
    for (; c.at < c.n; c.at++) {
        char *text = args[c.at];
        if (options_ended || text[0] != '-' || text[1] == '\0') args[kept++] = text;
        else if (strcmp(text, "--") == 0) options_ended = true;
        else if (text[1] == '-' ? !parse_long(cmd, target, &c) : !parse_letters(cmd, target, &c))
            return false;
    }
    *n_args = kept;
    return true;
}

void options_clear(const command *cmd, void *target) {
    for (size_t i = 0; i < cmd->n_options; i++)
        if (cmd->options[i].kind == OPTION_TEXTS)
            sty_free(((text_list *)field(&cmd->options[i], target))->items);
}

/* ---- what options take ---- */

option_value option_takes(const option_row *row) {
    static const char *const files[] = {"FILE", "DIR", "LIST", "MODEL", "SOURCE"};
    const char *at = row->argument;
    size_t n;
    if (row->kind == OPTION_FLAG) return VALUE_NONE;
    for (size_t i = 0; i < STY_COUNT(files); i++)
        if (strstr(row->argument, files[i])) return VALUE_FILE;
    return strchr(at, '|') && option_word(&at, &n) ? VALUE_WORDS : VALUE_OTHER;
}

const char *option_word(const char **text, size_t *n) {
    while (**text) {
        const char *word = *text;
        *n = strcspn(word, "|");
        *text += *n + (word[*n] == '|');
        if (strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-_") == *n) return word;
    }
    return NULL;
}

const char *command_verbs(const command *cmd, char *text, size_t n) {
    const size_t length = strspn(cmd->usage, "abcdefghijklmnopqrstuvwxyz0123456789-_|");
    const bool verbs = memchr(cmd->usage, '|', length) && length < n && (cmd->usage[length] == ' ' || !cmd->usage[length]);
    snprintf(text, n, "%.*s", verbs ? (int)length : 0, cmd->usage);
    return text;
}

/* ---- help ---- */

void options_help(const command *cmd, FILE *out) {
    fprintf(out, "stylet %s - %s\n\nExamples\n", cmd->name, cmd->summary);
    for (const char *line = cmd->examples; *line;) {
        const size_t n = strcspn(line, "\n");
        fprintf(out, "  %.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
    }
    fprintf(out, "\nUsage\n  stylet %s %s\n\nOptions\n", cmd->name, cmd->usage);
    for (size_t i = 0; i < cmd->n_options; i++) {
        const option_row *row = &cmd->options[i];
        char left[160], letter[8] = "    ";
        if (row->letter) snprintf(letter, sizeof letter, "-%c, ", row->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name, row->argument ? " " : "",
                 row->argument ? row->argument : "");
        fprintf(out, strlen(left) > 30 ? "  %s\n%33s%s\n" : "  %-30s%s%s\n", left, strlen(left) > 30 ? "" : " ", row->help);
    }
}
