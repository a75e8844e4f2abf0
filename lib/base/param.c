/* param.c - one reader for every table of parameters. */
#include "base/param.h"

#include "base/locale_c.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void *at(const sty_param *param, void *target) { return (char *)target + param->offset; }

static const void *at_const(const sty_param *param, const void *target) {
    return (const char *)target + param->offset;
}

/* ---- messages ---- */

static void print_value(const sty_value *value, sty_buf *out) {
    switch (value->kind) {
    case STY_VALUE_NONE: sty_buf_text(out, "none"); break;
    case STY_VALUE_BOOL: sty_buf_text(out, value->number != 0 ? "true" : "false"); break;
    case STY_VALUE_NUMBER: sty_buf_printf(out, "%.15g", value->number); break;
    case STY_VALUE_TEXT: sty_buf_printf(out, "'%s'", value->text); break;
    case STY_VALUE_LIST:
        for (size_t i = 0; i < value->n_items; i++) {
            if (i) sty_buf_text(out, ", ");
            print_value(&value->items[i], out);
        }
        break;
    }
}

static void print_choices(const sty_param *param, sty_buf *out) {
    for (size_t i = 0; param->choices[i]; i++)
        sty_buf_printf(out, "%s%s", i ? ", " : "", param->choices[i]);
}

static void print_expected(const sty_param *param, sty_buf *out) {
    switch (param->kind) {
    case STY_PARAM_INT:
        sty_buf_printf(out, "an integer from %.15g to %.15g", param->low, param->high);
        break;
    case STY_PARAM_NUMBER:
        sty_buf_printf(out, "a number from %.15g to %.15g", param->low, param->high);
        break;
    case STY_PARAM_BOOL: sty_buf_text(out, "true or false"); break;
    case STY_PARAM_CHOICE:
        sty_buf_text(out, "one of ");
        print_choices(param, out);
        break;
    case STY_PARAM_PAIR:
        sty_buf_printf(out, "an integer or a list of two (time, frequency), each from %.15g to %.15g",
                       param->low, param->high);
        break;
    case STY_PARAM_ORDER:
        sty_buf_text(out, "a list that holds each of these once: ");
        print_choices(param, out);
        break;
    case STY_PARAM_NAME: sty_buf_text(out, "a name"); break;
    }
    if (param->none) sty_buf_text(out, ", or none");
}

static sty_status refused(const sty_param *param, const sty_value *value, sty_err *err) {
    sty_buf text = {0};
    sty_buf_printf(&text, "'%s' is ", param->name);
    print_value(value, &text);
    sty_buf_text(&text, ", expected ");
    print_expected(param, &text);
    sty_buf_put(&text, "", 1);
    sty_err_set(err, STY_BAD_ARGUMENT, "%s", text.failed ? param->name : text.data);
    sty_buf_clear(&text);
    return STY_BAD_ARGUMENT;
}

/* ---- reading ---- */

static bool in_range(const sty_param *param, const sty_value *value) {
    return value->kind == STY_VALUE_NUMBER && value->number >= param->low &&
           value->number <= param->high;
}

static bool is_integer(const sty_param *param, const sty_value *value) {
    return in_range(param, value) && value->number == floor(value->number);
}

static int choice_index(const sty_param *param, const sty_value *value) {
    if (value->kind == STY_VALUE_NONE) {
        for (int i = 0; param->choices[i]; i++)
            if (strcmp(param->choices[i], "none") == 0) return i;
        return -1;
    }
    if (value->kind != STY_VALUE_TEXT) return -1;
    for (int i = 0; param->choices[i]; i++)
        if (strcmp(param->choices[i], value->text) == 0) return i;
    return -1;
}

static bool set_pair(const sty_param *param, int *pair, const sty_value *value) {
    const sty_value *first = value, *second = value;
    if (value->kind == STY_VALUE_LIST) {
        if (value->n_items != 2) return false;
        first = &value->items[0];
        second = &value->items[1];
    }
    if (!is_integer(param, first) || !is_integer(param, second)) return false;
    pair[0] = (int)first->number;
    pair[1] = (int)second->number;
    return true;
}

static bool set_order(const sty_param *param, unsigned char *order, const sty_value *value) {
    size_t n = 0;
    unsigned seen = 0;
    while (param->choices[n])
        n++;
    sty_assert(n <= STY_MAX_ORDER);
    if (value->kind != STY_VALUE_LIST || value->n_items != n) return false;
    for (size_t i = 0; i < n; i++) {
        int index = choice_index(param, &value->items[i]);
        if (index < 0 || (seen & 1u << index)) return false;
        seen |= 1u << index;
        order[i] = (unsigned char)index;
    }
    return true;
}

static bool set_name(char *name, const sty_value *value) {
    if (value->kind == STY_VALUE_NONE) {
        name[0] = '\0';
        return true;
    }
    if (value->kind != STY_VALUE_TEXT || strlen(value->text) >= STY_MAX_NAME) return false;
    memcpy(name, value->text, strlen(value->text) + 1);
    return true;
}

static bool store(const sty_param *param, void *target, const sty_value *value) {
    bool none = param->none && value->kind == STY_VALUE_NONE;
    void *to = at(param, target);
    switch (param->kind) {
    case STY_PARAM_INT:
        if (!none && !is_integer(param, value)) return false;
        *(int *)to = none ? STY_NONE : (int)value->number;
        return true;
    case STY_PARAM_NUMBER:
        if (!none && !in_range(param, value)) return false;
        *(double *)to = none ? (double)NAN : value->number;
        return true;
    case STY_PARAM_BOOL:
        if (value->kind != STY_VALUE_BOOL) return false;
        *(bool *)to = value->number != 0;
        return true;
    case STY_PARAM_CHOICE: {
        int index = choice_index(param, value);
        if (index < 0) return false;
        *(int *)to = index;
        return true;
    }
    case STY_PARAM_PAIR: return set_pair(param, to, value);
    case STY_PARAM_ORDER: return set_order(param, to, value);
    case STY_PARAM_NAME: return set_name(to, value);
    }
    return false;
}

sty_status sty_param_set(const sty_param *param, void *target, const sty_value *value,
                         sty_err *err) {
    return store(param, target, value) ? STY_OK : refused(param, value, err);
}

/* One word of a command line: none, a boolean, a number, else a name. */
static sty_value value_of_word(const char *word) {
    sty_value value = {.kind = STY_VALUE_TEXT, .text = word};
    char *end;
    if (strcmp(word, "none") == 0 || strcmp(word, "null") == 0) value.kind = STY_VALUE_NONE;
    else if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0) {
        value.kind = STY_VALUE_BOOL;
        value.number = word[0] == 't';
    } else if (*word) {
        errno = 0;
        double number = sty_strtod(word, &end);
        if (*end == '\0' && errno == 0 && isfinite(number)) {
            value.kind = STY_VALUE_NUMBER;
            value.number = number;
        }
    }
    return value;
}

sty_status sty_param_set_text(const sty_param *param, void *target, const char *text,
                              sty_err *err) {
    bool is_list = param->kind == STY_PARAM_ORDER ||
                   (param->kind == STY_PARAM_PAIR && strchr(text, ','));
    if (param->kind == STY_PARAM_NAME) {
        sty_value value = {.kind = STY_VALUE_TEXT, .text = text};
        return sty_param_set(param, target, &value, err);
    }
    if (!is_list) {
        sty_value value = value_of_word(text);
        return sty_param_set(param, target, &value, err);
    }
    char words[256];
    sty_value items[STY_MAX_ORDER + 1];
    sty_value list = {.kind = STY_VALUE_LIST, .items = items, .text = text};
    snprintf(words, sizeof words, "%s", text);
    for (char *word = words; word && list.n_items < STY_COUNT(items);) {
        char *comma = strchr(word, ',');
        if (comma) *comma++ = '\0';
        items[list.n_items++] = value_of_word(word);
        word = comma;
    }
    return sty_param_set(param, target, &list, err);
}

void sty_params_init(const sty_param *table, size_t n, void *target) {
    for (size_t i = 0; i < n; i++)
        if (table[i].initial) {
            sty_status status = sty_param_set_text(&table[i], target, table[i].initial, NULL);
            sty_assert(status == STY_OK);
        }
}

const sty_param *sty_params_find(const sty_param *table, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].name, name) == 0) return &table[i];
    return NULL;
}

/* ---- printing ---- */

void sty_param_print(const sty_param *param, const void *target, sty_buf *out) {
    const void *from = at_const(param, target);
    switch (param->kind) {
    case STY_PARAM_INT:
        if (param->none && *(const int *)from == STY_NONE) sty_buf_text(out, "null");
        else sty_buf_printf(out, "%d", *(const int *)from);
        break;
    case STY_PARAM_NUMBER:
        if (isnan(*(const double *)from)) sty_buf_text(out, "null");
        else sty_buf_printf(out, "%.15g", *(const double *)from);
        break;
    case STY_PARAM_BOOL: sty_buf_text(out, *(const bool *)from ? "true" : "false"); break;
    case STY_PARAM_CHOICE: sty_buf_json(out, param->choices[*(const int *)from]); break;
    case STY_PARAM_PAIR:
        sty_buf_printf(out, "[%d, %d]", ((const int *)from)[0], ((const int *)from)[1]);
        break;
    case STY_PARAM_ORDER:
        for (size_t i = 0; param->choices[i]; i++) {
            sty_buf_text(out, i ? ", " : "[");
            sty_buf_json(out, param->choices[((const unsigned char *)from)[i]]);
        }
        sty_buf_text(out, "]");
        break;
    case STY_PARAM_NAME: sty_buf_json(out, from); break;
    }
}

static void schema_choices(const sty_param *param, sty_buf *out) {
    bool has_none = false;
    sty_buf_text(out, "\"enum\": [");
    for (size_t i = 0; param->choices[i]; i++) {
        if (i) sty_buf_text(out, ", ");
        sty_buf_json(out, param->choices[i]);
        has_none = has_none || strcmp(param->choices[i], "none") == 0;
    }
    sty_buf_text(out, has_none ? ", null]" : "]");
}

/* The members of an object. */
static void schema_type(const sty_param *param, sty_buf *out) {
    const char *number = param->kind == STY_PARAM_NUMBER ? "number" : "integer";
    switch (param->kind) {
    case STY_PARAM_INT:
    case STY_PARAM_NUMBER:
        sty_buf_printf(out, "\"type\": \"%s\", \"minimum\": %.15g, \"maximum\": %.15g", number,
                       param->low, param->high);
        break;
    case STY_PARAM_BOOL: sty_buf_text(out, "\"type\": \"boolean\""); break;
    case STY_PARAM_CHOICE: schema_choices(param, out); break;
    case STY_PARAM_PAIR:
        sty_buf_printf(out,
                       "\"anyOf\": [{\"type\": \"integer\", \"minimum\": %.15g, \"maximum\": "
                       "%.15g}, {\"type\": \"array\", \"minItems\": 2, \"maxItems\": 2, "
                       "\"items\": {\"type\": \"integer\", \"minimum\": %.15g, \"maximum\": "
                       "%.15g}}]",
                       param->low, param->high, param->low, param->high);
        break;
    case STY_PARAM_ORDER:
        sty_buf_text(out, "\"type\": \"array\", \"uniqueItems\": true, \"items\": {");
        schema_choices(param, out);
        sty_buf_text(out, "}");
        break;
    case STY_PARAM_NAME: sty_buf_text(out, "\"type\": \"string\""); break;
    }
}

void sty_param_schema(const sty_param *param, sty_buf *out) {
    sty_buf_text(out, "{\"description\": ");
    sty_buf_json(out, param->help);
    sty_buf_text(out, ", ");
    if (param->none) sty_buf_text(out, "\"anyOf\": [{\"type\": \"null\"}, {");
    schema_type(param, out);
    if (param->none) sty_buf_text(out, "}]");
    sty_buf_text(out, "}");
}

/* ---- unknown names ---- */

/* Longer names are near to nothing. */
enum { MAX_NAME_LENGTH = 64 };

/* Edit distance with swaps of neighbours. */
static size_t distance(const char *a, const char *b) {
    size_t rows[3][MAX_NAME_LENGTH + 1];
    size_t n = strlen(a), m = strlen(b);
    if (n > MAX_NAME_LENGTH || m > MAX_NAME_LENGTH) return MAX_NAME_LENGTH;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two[j - 2] + 1 < best)
                best = two[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[n % 3][m];
}

const char *sty_nearest_name(const char *name, const char *(*name_at)(const void *context, size_t i),
                             const void *context, size_t n) {
    const char *nearest = NULL;
    size_t least = 2 * (strlen(name) / 2 + 2);
    for (size_t i = 0; i < n; i++) {
        const char *known = name_at(context, i);
        size_t d = 2 * distance(name, known);
        /* a shortened or lengthened name is as near as a typing error, its beginning nearer */
        if (d > 1 && strncmp(known, name, strlen(name)) == 0) d = 1;
        if (d > 2 && (strstr(known, name) || strstr(name, known))) d = 2;
        if (d < least && d < 2 * MAX_NAME_LENGTH) {
            least = d;
            nearest = known;
        }
    }
    return nearest;
}

sty_status sty_unknown_name(const char *what, const char *name, const char *(*name_at)(const void *context, size_t i),
                            const void *context, size_t n, sty_err *err) {
    const char *nearest = sty_nearest_name(name, name_at, context, n);
    if (nearest)
        return sty_err_set(err, STY_BAD_ARGUMENT, "unknown %s '%s', did you mean '%s'?", what, name,
                           nearest);
    return sty_err_set(err, STY_BAD_ARGUMENT, "unknown %s '%s'", what, name);
}

typedef struct {
    const sty_param *rows;
} param_names;

static const char *param_name_at(const void *context, size_t i) {
    return ((const param_names *)context)->rows[i].name;
}

sty_status sty_unknown_param(const sty_param *table, size_t n, const char *name, sty_err *err) {
    param_names names = {table};
    return sty_unknown_name("key", name, param_name_at, &names, n, err);
}
