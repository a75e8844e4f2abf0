/* diagnose_report.c - a diagnosis as text and as JSON. */
#include "style/diagnose.h"
#include "style/diagnose_parts.h"

#include <math.h>
#include <string.h>

static const char *verdict(const sty_output_facts *f) {
    if (isnan(f->content)) return "not measured";
    if (f->content < STY_SPREAD_CONSTANT) return "constant";
    return f->speech < STY_SPREAD_WEAK ? "weak" : "moves";
}

/* ---- text ---- */

static void number(double x, sty_buf *out) {
    if (isnan(x)) sty_buf_text(out, "       -");
    else sty_buf_printf(out, "%8.4f", x);
}

static void text_outputs(const sty_diagnosis *d, sty_buf *out) {
    sty_buf_printf(out, "\n%-18s %-12s %8s %8s %8s %8s %8s %8s\n", "output", "", "content", "speech", "level", "length",
                   "pitch", "tempo");
    for (size_t i = 0; i < d->n_outputs; i++) {
        const sty_output_facts *f = &d->outputs[i];
        sty_buf_printf(out, "%-18s %-12s ", f->name, verdict(f));
        number(f->content, out);
        sty_buf_text(out, " ");
        number(f->speech, out);
        for (int s = 0; s < STY_N_SWEEPS; s++) {
            sty_buf_text(out, " ");
            number(f->sweep[s], out);
        }
        sty_buf_text(out, "\n");
    }
    sty_buf_text(out, "spread: 0 = the same in all runs, about 1 = nothing in common\n");
}

static void text_tokens(const sty_token_facts *f, sty_buf *out) {
    sty_buf_printf(out, "\n%s: %zu heads, %zu tokens", f->node->name, f->heads, f->tokens);
    if (!isnan(f->agreement)) sty_buf_printf(out, ", correlation of heads %.2f", f->agreement);
    sty_buf_printf(out, "\n%6s %16s %10s %10s  %s\n", "head", "effective tokens", "strongest", "spread", "favourite");
    for (size_t h = 0; h < f->heads; h++)
        sty_buf_printf(out, "%6zu %11.1f of %zu %10.2f %10.4f  token %zu\n", h, f->effective[h], f->tokens,
                       f->strongest[h], f->moves[h], f->favourite[h]);
}

void sty_diagnosis_text(const sty_diagnosis *d, sty_buf *out) {
    size_t n_given = 0;
    for (size_t r = 0; r < d->n_runs; r++)
        n_given += d->runs[r].kind == STY_PROBE_GIVEN;
    sty_buf_printf(out, "model  %s%s%s%s, %zu probes, %zu clips\n\n", d->model->info.name,
                   *d->model->info.family ? " (" : "", d->model->info.family, *d->model->info.family ? ")" : "",
                   sty_n_probes, n_given);
    for (size_t i = 0; i < d->n_findings; i++)
        sty_buf_printf(out, "%s %s\n", d->findings[i].bad ? "!" : " ", d->findings[i].text);
    text_outputs(d, out);
    for (size_t i = 0; i < d->n_layers; i++)
        text_tokens(&d->layers[i], out);
}

/* ---- JSON ---- */

static void json_number(double x, sty_buf *out) {
    if (isnan(x)) sty_buf_text(out, "null");
    else sty_buf_json_float(out, (float)x);
}

static void json_member(const char *key, double x, sty_buf *out) {
    sty_buf_printf(out, ", \"%s\": ", key);
    json_number(x, out);
}

static void json_outputs(const sty_diagnosis *d, sty_buf *out) {
    sty_buf_text(out, ",\n  \"outputs\": {");
    for (size_t i = 0; i < d->n_outputs; i++) {
        const sty_output_facts *f = &d->outputs[i];
        sty_buf_text(out, i ? ",\n    " : "\n    ");
        sty_buf_json(out, f->name);
        sty_buf_printf(out, ": {\"verdict\": \"%s\"", verdict(f));
        json_member("spread", f->content, out);
        json_member("speech", f->speech, out);
        for (int s = 0; s < STY_N_SWEEPS; s++)
            json_member(sty_sweep_names[s], f->sweep[s], out);
        sty_buf_text(out, "}");
    }
    sty_buf_text(out, "\n  }");
}

static void json_dead(const sty_token_facts *f, sty_buf *out) {
    bool any = false;
    sty_buf_text(out, ", \"dead\": [");
    for (size_t k = 0; k < f->tokens; k++)
        if (f->dead[k]) {
            sty_buf_printf(out, "%s%zu", any ? ", " : "", k);
            any = true;
        }
    sty_buf_text(out, "], \"duplicates\": [");
    any = false;
    for (size_t i = 0; i < f->tokens; i++) {
        bool group = false;
        for (size_t j = i + 1; j < f->tokens && f->twin[i] == i; j++) {
            if (f->twin[j] != i) continue;
            if (group) sty_buf_printf(out, ", %zu", j);
            else sty_buf_printf(out, "%s[%zu, %zu", any ? ", " : "", i, j);
            any = group = true;
        }
        if (group) sty_buf_text(out, "]");
    }
    sty_buf_text(out, "]");
}

static void json_tokens(const sty_diagnosis *d, sty_buf *out) {
    sty_buf_text(out, ",\n  \"token_layers\": [");
    for (size_t i = 0; i < d->n_layers; i++) {
        const sty_token_facts *f = &d->layers[i];
        sty_buf_text(out, i ? ",\n    {\"layer\": " : "\n    {\"layer\": ");
        sty_buf_json(out, f->node->name);
        sty_buf_printf(out, ", \"tokens\": %zu", f->tokens);
        json_member("agreement", f->agreement, out);
        json_dead(f, out);
        sty_buf_text(out, ", \"heads\": [");
        for (size_t h = 0; h < f->heads; h++) {
            sty_buf_printf(out, "%s{\"favourite\": %zu, \"stuck\": %s", h ? ", " : "", f->favourite[h],
                           f->stuck[h] ? "true" : "false");
            json_member("effective_tokens", f->effective[h], out);
            json_member("entropy", log(f->effective[h]), out);
            json_member("strongest", f->strongest[h], out);
            json_member("spread", f->moves[h], out);
            sty_buf_text(out, "}");
        }
        sty_buf_text(out, "]}");
    }
    sty_buf_text(out, "\n  ]");
}

void sty_diagnosis_json(const sty_diagnosis *d, sty_buf *out) {
    sty_buf_text(out, "{\n  \"model\": {\"name\": ");
    sty_buf_json(out, d->model->info.name);
    sty_buf_printf(out, ", \"hash\": \"%s\"},\n  \"main\": ", d->model->info.hash);
    sty_buf_json(out, d->outputs[d->main].name);
    sty_buf_printf(out, ",\n  \"verdict\": \"%s\",\n  \"findings\": [", verdict(&d->outputs[d->main]));
    for (size_t i = 0; i < d->n_findings; i++) {
        sty_buf_printf(out, "%s\n    {\"code\": \"%s\", \"bad\": %s, \"text\": ", i ? "," : "", d->findings[i].code,
                       d->findings[i].bad ? "true" : "false");
        sty_buf_json(out, d->findings[i].text);
        sty_buf_text(out, "}");
    }
    sty_buf_text(out, "\n  ]");
    json_outputs(d, out);
    json_tokens(d, out);
    json_member("saturated_units", d->saturated, out);
    json_member("speech_with_other_layout", d->other_layout, out);
    sty_buf_text(out, ",\n  \"runs\": [");
    for (size_t r = 0; r < d->n_runs; r++) {
        sty_buf_text(out, r ? ", " : "");
        sty_buf_json(out, d->runs[r].name);
    }
    sty_buf_text(out, "]\n}\n");
}
