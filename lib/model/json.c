/* json.c - cJSON with everything checked that it lets through. */
#include "model/json.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sty_json {
    cJSON *root;
};

static const cJSON *item(const sty_cursor *cursor) { return cursor->item; }

/* ---- checks before cJSON sees the text ---- */

static size_t digits(const char *text, size_t n) {
    size_t i = 0;
    while (i < n && text[i] >= '0' && text[i] <= '9')
        i++;
    return i;
}

/* Length of the JSON number at text, 0 when it is none. */
static size_t number_length(const char *text, size_t n) {
    size_t i = n > 0 && text[0] == '-', more = digits(text + i, n - i);
    if (more == 0 || (more > 1 && text[i] == '0')) return 0;
    i += more;
    if (i < n && text[i] == '.') {
        if ((more = digits(text + i + 1, n - i - 1)) == 0) return 0;
        i += 1 + more;
    }
    if (i < n && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        if (i < n && (text[i] == '+' || text[i] == '-')) i++;
        if ((more = digits(text + i, n - i)) == 0) return 0;
        i += more;
    }
    return i;
}

static bool are_hex_digits(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isxdigit((unsigned char)text[i])) return false;
    return true;
}

/* Length of the string at text, quotes included. */
static sty_status check_string(const char *text, size_t n, size_t at, size_t *length, sty_err *err) {
    for (size_t i = 1; i < n;) {
        const int bytes = sty_utf8_length(text + i, n - i);
        if (bytes == 0) return sty_err_set(err, STY_BAD_MODEL, "not JSON: byte %zu is not UTF-8", at + i);
        if ((unsigned char)text[i] < 0x20)
            return sty_err_set(err, STY_BAD_MODEL, "not JSON: control character at byte %zu", at + i);
        if (n - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0)
            return sty_err_set(err, STY_BAD_MODEL, "a NUL character in a string at byte %zu", at + i);
        /* cJSON takes what is no hexadecimal number for 0 */
        if (n - i >= 2 && memcmp(text + i, "\\u", 2) == 0 && (n - i < 6 || !are_hex_digits(text + i + 2, 4)))
            return sty_err_set(err, STY_BAD_MODEL, "not JSON: no four hexadecimal digits at byte %zu", at + i);
        if (text[i] == '"') {
            *length = i + 1;
            return STY_OK;
        }
        i += text[i] == '\\' && i + 1 < n && (unsigned char)text[i + 1] < 0x80 ? 2 : (size_t)bytes;
    }
    return sty_err_set(err, STY_BAD_MODEL, "not JSON: the string at byte %zu has no end", at);
}

/* Refuses what cJSON would let through, and what would cost it much memory. */
static sty_status check_text(const char *text, size_t n, const sty_json_limits *limits,
                             sty_err *err) {
    size_t depth = 0, n_values = 0, length;
    if (n > limits->max_bytes)
        return sty_err_set(err, STY_BAD_MODEL, "%zu bytes of JSON, the limit is %zu", n, limits->max_bytes);
    for (size_t i = 0; i < n; i += length) {
        const char c = text[i];
        length = 1;
        if (c == '"') STY_TRY(check_string(text + i, n - i, i, &length, err));
        else if (c == '-' || (c >= '0' && c <= '9')) {
            length = number_length(text + i, n - i);
            if (length == 0) return sty_err_set(err, STY_BAD_MODEL, "not JSON: no number at byte %zu", i);
        } else if (!strchr("{}[]:, \t\r\ntruefalsn", c) || c == '\0')
            return sty_err_set(err, STY_BAD_MODEL, "not JSON: byte %zu", i);
        if (c == '{' || c == '[') depth++;
        if ((c == '}' || c == ']') && depth > 0) depth--;
        if (depth > limits->max_depth)
            return sty_err_set(err, STY_BAD_MODEL, "nested deeper than %zu levels", limits->max_depth);
        n_values += c == ',' || c == '{' || c == '[';
        if (n_values > limits->max_keys)
            return sty_err_set(err, STY_BAD_MODEL, "more than %zu JSON values", limits->max_keys);
    }
    return STY_OK;
}

/* ---- checks after ---- */

static int by_key(const void *a, const void *b) {
    return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

/* The members of an object sorted by key; NULL without memory. */
static const cJSON **sorted_members(const cJSON *object, size_t *n) {
    *n = 0;
    for (const cJSON *m = object->child; m; m = m->next)
        (*n)++;
    const cJSON **members = sty_alloc(*n, sizeof *members);
    if (!members) return NULL;
    size_t i = 0;
    for (const cJSON *m = object->child; m; m = m->next)
        members[i++] = m;
    qsort(members, *n, sizeof *members, by_key);
    return members;
}

static sty_status check_duplicates(const sty_cursor *at, sty_err *err) {
    size_t n;
    const cJSON **members = sorted_members(item(at), &n);
    if (!members) return sty_err_no_memory(err, n, "JSON");
    sty_status status = STY_OK;
    for (size_t i = 1; i < n && status == STY_OK; i++)
        if (strcmp(members[i - 1]->string, members[i]->string) == 0)
            status = sty_json_fail(at, err, "the key '%s' occurs twice", members[i]->string);
    sty_free(members);
    return status;
}

static sty_status check_tree(const sty_cursor *at, sty_err *err) {
    if (cJSON_IsNumber(item(at)) && !isfinite(item(at)->valuedouble))
        return sty_json_fail(at, err, "the number is too large");
    if (cJSON_IsObject(item(at))) STY_TRY(check_duplicates(at, err));
    sty_cursor child;
    for (bool more = sty_json_first(at, &child); more; more = sty_json_next(&child))
        STY_TRY(check_tree(&child, err));
    return STY_OK;
}

static void line_and_column(const char *text, const char *at, int *line, int *column) {
    *line = 1;
    *column = 1;
    for (const char *p = text; p < at; p++) {
        *column = *p == '\n' ? 1 : *column + 1;
        *line += *p == '\n';
    }
}

sty_status sty_json_parse(const char *text, size_t n, const sty_json_limits *limits,
                          sty_json **json, sty_err *err) {
    STY_TRY(check_text(text, n, limits, err));
    sty_json *made = sty_alloc(1, sizeof *made);
    char *copy = sty_copy_text(text, n);
    if (!made || !copy) {
        sty_free(made);
        sty_free(copy);
        return sty_err_no_memory(err, n, "JSON");
    }
    const char *end = NULL;
    sty_status status = STY_OK;
    made->root = cJSON_ParseWithLengthOpts(copy, n + 1, &end, 1);
    if (!made->root) {
        int line, column;
        line_and_column(copy, end && end >= copy && end <= copy + n ? end : copy, &line, &column);
        status = sty_err_set(err, STY_BAD_MODEL, "not JSON: line %d, column %d", line, column);
    } else {
        sty_cursor root = sty_json_root(made);
        status = check_tree(&root, err);
    }
    sty_free(copy);
    if (status == STY_OK) *json = made;
    else sty_json_free(made);
    return status;
}

void sty_json_free(sty_json *json) {
    if (!json) return;
    cJSON_Delete(json->root);
    sty_free(json);
}

/* ---- walking ---- */

sty_cursor sty_json_root(const sty_json *json) { return (sty_cursor){.item = json->root}; }

bool sty_json_first(const sty_cursor *parent, sty_cursor *child) {
    const cJSON *first = item(parent)->child;
    if (!first) return false;
    *child = (sty_cursor){.parent = parent, .item = first, .key = first->string};
    return true;
}

bool sty_json_next(sty_cursor *child) {
    const cJSON *next = item(child)->next;
    if (!next) return false;
    child->item = next;
    child->key = next->string;
    child->index++;
    return true;
}

size_t sty_json_count(const sty_cursor *cursor) {
    size_t n = 0;
    for (const cJSON *c = item(cursor)->child; c; c = c->next)
        n++;
    return n;
}

bool sty_json_get(const sty_cursor *object, const char *key, sty_cursor *member) {
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(item(object), key);
    if (!found) return false;
    *member = (sty_cursor){.parent = object, .item = found, .key = found->string};
    return true;
}

/* ---- errors ---- */

static void print_path(const sty_cursor *cursor, sty_buf *out) {
    if (!cursor->parent) return;
    print_path(cursor->parent, out);
    if (cursor->key) sty_buf_printf(out, "%s%s", out->length ? "." : "", cursor->key);
    else sty_buf_printf(out, "[%zu]", cursor->index);
}

void sty_json_prefix(const sty_cursor *cursor, sty_err *err) {
    sty_buf path = {0};
    print_path(cursor, &path);
    if (path.length && !path.failed)
        sty_err_prefix(err, "%.*s: ", (int)(path.length < 200 ? path.length : 200), path.data);
    sty_buf_clear(&path);
}

sty_status sty_json_fail(const sty_cursor *cursor, sty_err *err, const char *format, ...) {
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    sty_err_set(err, STY_BAD_MODEL, "%s", message);
    sty_json_prefix(cursor, err);
    return STY_BAD_MODEL;
}

static sty_status unexpected(const sty_cursor *cursor, const char *expected, sty_err *err) {
    const cJSON *it = item(cursor);
    if (cJSON_IsString(it))
        return sty_json_fail(cursor, err, "is the text '%.100s', expected %s", it->valuestring, expected);
    if (cJSON_IsNumber(it))
        return sty_json_fail(cursor, err, "is %.15g, expected %s", it->valuedouble, expected);
    const char *what = cJSON_IsObject(it)  ? "an object"
                       : cJSON_IsArray(it) ? "a list"
                       : cJSON_IsNull(it)  ? "null"
                                           : "a boolean";
    return sty_json_fail(cursor, err, "is %s, expected %s", what, expected);
}

/* ---- typed values ---- */

bool sty_json_is_object(const sty_cursor *cursor) { return cJSON_IsObject(item(cursor)); }
bool sty_json_is_list(const sty_cursor *cursor) { return cJSON_IsArray(item(cursor)); }
bool sty_json_is_text(const sty_cursor *cursor) { return cJSON_IsString(item(cursor)); }

sty_status sty_json_object(const sty_cursor *cursor, sty_err *err) {
    return sty_json_is_object(cursor) ? STY_OK : unexpected(cursor, "an object", err);
}

sty_status sty_json_list(const sty_cursor *cursor, sty_err *err) {
    return sty_json_is_list(cursor) ? STY_OK : unexpected(cursor, "a list", err);
}

sty_status sty_json_text(const sty_cursor *cursor, const char **text, sty_err *err) {
    if (!sty_json_is_text(cursor)) return unexpected(cursor, "a text", err);
    *text = item(cursor)->valuestring;
    return STY_OK;
}

sty_status sty_json_integer(const sty_cursor *cursor, double low, double high, size_t *value,
                            sty_err *err) {
    const double v = item(cursor)->valuedouble;
    if (!cJSON_IsNumber(item(cursor)) || v != floor(v) || v < low || v > high) {
        char expected[80];
        snprintf(expected, sizeof expected, "an integer from %.15g to %.15g", low, high);
        return unexpected(cursor, expected, err);
    }
    *value = (size_t)v;
    return STY_OK;
}

sty_status sty_json_number(const sty_cursor *cursor, double *value, sty_err *err) {
    if (!cJSON_IsNumber(item(cursor))) return unexpected(cursor, "a number", err);
    *value = item(cursor)->valuedouble;
    return STY_OK;
}

sty_status sty_json_bool(const sty_cursor *cursor, bool *value, sty_err *err) {
    if (!cJSON_IsBool(item(cursor))) return unexpected(cursor, "true or false", err);
    *value = cJSON_IsTrue(item(cursor));
    return STY_OK;
}

sty_status sty_json_need(const sty_cursor *object, const char *key, sty_cursor *member,
                         sty_err *err) {
    STY_TRY(sty_json_object(object, err));
    if (sty_json_get(object, key, member)) return STY_OK;
    return sty_json_fail(object, err, "the key '%s' is missing", key);
}

static const char *key_at(const void *context, size_t i) {
    return ((const char *const *const *)context)[0][i];
}

sty_status sty_json_only(const sty_cursor *object, const char *const *keys, sty_err *err) {
    size_t n = 0;
    while (keys[n])
        n++;
    STY_TRY(sty_json_object(object, err));
    sty_cursor member;
    for (bool more = sty_json_first(object, &member); more; more = sty_json_next(&member)) {
        size_t i = 0;
        while (i < n && strcmp(keys[i], member.key) != 0)
            i++;
        if (i < n) continue;
        sty_unknown_name("key", member.key, key_at, &keys, n, err);
        sty_json_prefix(object, err);
        if (err) err->status = STY_BAD_MODEL;
        return STY_BAD_MODEL;
    }
    return STY_OK;
}

static sty_value scalar(const cJSON *it) {
    sty_value value = {.kind = STY_VALUE_LIST};
    if (cJSON_IsNull(it)) value.kind = STY_VALUE_NONE;
    else if (cJSON_IsBool(it)) {
        value.kind = STY_VALUE_BOOL;
        value.number = cJSON_IsTrue(it);
    } else if (cJSON_IsNumber(it)) {
        value.kind = STY_VALUE_NUMBER;
        value.number = it->valuedouble;
    } else if (cJSON_IsString(it)) {
        value.kind = STY_VALUE_TEXT;
        value.text = it->valuestring;
        if (strcmp(value.text, "none") == 0) value.kind = STY_VALUE_NONE;
    }
    return value;
}

sty_status sty_json_param(const sty_cursor *cursor, const sty_param *param, void *target,
                          sty_err *err) {
    sty_value items[STY_MAX_ORDER];
    sty_value value = scalar(item(cursor));
    if (sty_json_is_object(cursor)) return unexpected(cursor, "a plain value", err);
    if (value.kind == STY_VALUE_LIST) {
        for (const cJSON *m = item(cursor)->child; m; m = m->next) {
            if (value.n_items == STY_MAX_ORDER)
                return sty_json_fail(cursor, err, "has more than %d elements", STY_MAX_ORDER);
            items[value.n_items++] = scalar(m);
        }
        value.items = items;
    }
    sty_status status = sty_param_set(param, target, &value, err);
    if (status == STY_OK) return STY_OK;
    sty_json_prefix(cursor->parent, err);
    if (err) err->status = STY_BAD_MODEL;
    return STY_BAD_MODEL;
}

void sty_json_canonical(const sty_cursor *cursor, sty_buf *out) {
    const cJSON *it = item(cursor);
    if (cJSON_IsString(it)) sty_buf_json(out, it->valuestring);
    else if (cJSON_IsNumber(it)) sty_buf_printf(out, "%.17g", it->valuedouble);
    else if (cJSON_IsBool(it)) sty_buf_text(out, cJSON_IsTrue(it) ? "true" : "false");
    else if (cJSON_IsNull(it)) sty_buf_text(out, "null");
    else if (cJSON_IsArray(it)) {
        sty_buf_text(out, "[");
        for (const cJSON *m = it->child; m; m = m->next) {
            if (m != it->child) sty_buf_text(out, ",");
            sty_json_canonical(&(sty_cursor){.item = m}, out);
        }
        sty_buf_text(out, "]");
    } else {
        size_t n;
        const cJSON **members = sorted_members(it, &n);
        if (!members) out->failed = true;
        sty_buf_text(out, "{");
        for (size_t i = 0; members && i < n; i++) {
            if (i) sty_buf_text(out, ",");
            sty_buf_json(out, members[i]->string);
            sty_buf_text(out, ":");
            sty_json_canonical(&(sty_cursor){.item = members[i]}, out);
        }
        sty_buf_text(out, "}");
        sty_free(members);
    }
}
