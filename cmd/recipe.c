/* recipe.c - see recipe.h. */
#include "recipe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool recipe_number(const char *text, double *value) {
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value);
}

bool recipe_index(const char **text, size_t *value) {
    char *end;
    if (**text < '0' || **text > '9') return false;
    const unsigned long long v = strtoull(*text, &end, 10);
    *value = v > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)v;
    *text = end;
    return true;
}

sty_status recipe_in_range(const char *what, size_t i, size_t n, const char *option, const char *text, sty_err *err) {
    if (i < n) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT, "--%s '%s': there is no %s %zu, the model has %ss 0 to %zu", option, text,
                       what, i, what, n - 1);
}

sty_status recipe_weights(const sty_mixer_info *m, const char *option, const text_list *list, bool per_head, float *weights,
                          sty_err *err) {
    for (size_t i = 0; i < list->n; i++) {
        const char *p = list->items[i];
        size_t head = 0, token = 0;
        double w;
        const bool ok = (!per_head || (recipe_index(&p, &head) && *p++ == ':')) && recipe_index(&p, &token) && *p == '=' &&
                        recipe_number(p + 1, &w);
        if (!ok)
            return sty_err_set(err, STY_BAD_ARGUMENT, "--%s is '%s', expected %s with a finite number", option,
                               list->items[i], per_head ? "HEAD:TOKEN=WEIGHT" : "TOKEN=WEIGHT");
        if (per_head) STY_TRY(recipe_in_range("head", head, m->heads, option, list->items[i], err));
        STY_TRY(recipe_in_range("token", token, m->tokens, option, list->items[i], err));
        for (size_t h = per_head ? head : 0; h < (per_head ? head + 1 : m->heads); h++)
            weights[h * m->tokens + token] = (float)w;
    }
    return STY_OK;
}

sty_status recipe_from(const char *text, vector_source *source, vector_set *set, double *factor, bool *given, sty_err *err) {
    char operand[4096];
    const char *colon = strrchr(text, ':');
    size_t n = strlen(text);
    const size_t at = set->n;
    *factor = 1;
    if (colon && recipe_number(colon + 1, factor)) {
        n = (size_t)(colon - text);
        *given = true;
    } else if (colon && (strcmp(colon, ":nan") == 0 || strcmp(colon, ":inf") == 0))
        return sty_err_set(err, STY_BAD_ARGUMENT, "--from '%s': the factor must be a finite number", text);
    else *factor = 1;
    snprintf(operand, sizeof operand, "%.*s", (int)(n < sizeof operand ? n : sizeof operand - 1), text);
    STY_TRY(vectors_add(source, operand, set, err));
    if (set->n != at + 1)
        return sty_err_set(err, STY_BAD_ARGUMENT, "--from '%s' has %zu vectors; name one as %s#ID", text, set->n - at, operand);
    return STY_OK;
}
