/* diagnose_judge.c - from numbers to sentences. Each finding has a code for
 * programs and a text for people; README.md lists the codes and thresholds. */
#include "style/diagnose_parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void find(sty_diagnosis *d, bool bad, const char *code, const char *format, ...) STY_PRINTF(4, 5);

static void find(sty_diagnosis *d, bool bad, const char *code, const char *format, ...) {
    va_list args;
    if (d->n_findings == STY_MAX_FINDINGS) return;
    sty_finding *finding = &d->findings[d->n_findings++];
    finding->code = code;
    finding->bad = bad;
    va_start(args, format);
    vsnprintf(finding->text, sizeof finding->text, format, args);
    va_end(args);
}

static const sty_token_facts *token_layer_with_batch_softmax(const sty_diagnosis *d) {
    for (size_t i = 0; i < d->n_layers; i++)
        if (d->layers[i].batch_softmax) return &d->layers[i];
    return NULL;
}

/* ---- the main output ---- */

static void judge_cause(sty_diagnosis *d) {
    const sty_token_facts *batch = token_layer_with_batch_softmax(d);
    const char *main_name = d->outputs[d->main].name;
    if (batch && (d->lost_in < 0 || &d->model->graph.nodes[d->lost_in] == batch->node)) {
        find(d, true, "softmax_axis",
             "because the softmax of '%s' runs over the batch, not over its tokens: with one clip every token weight is 1. This is the "
             "published bug of the DelightfulTTS repositories; convert with --set softmax_axis=tokens for what was meant",
             batch->node->name);
    } else if (d->lost_in >= 0) {
        const sty_node *node = &d->model->graph.nodes[d->lost_in];
        find(d, true, "lost_in_layer", "the audio ends in layer '%s' (%s): what it reads moves, what it gives does not",
             node->name, node->type->name);
    } else find(d, true, "not_connected", "'%s' does not depend on the audio at all", main_name);
}

static void judge_main(sty_diagnosis *d) {
    const sty_output_facts *main = &d->outputs[d->main];
    if (isnan(main->content)) {
        find(d, false, "not_measured", "'%s' was not measured: its shape follows the clip", main->name);
    } else if (main->content < STY_SPREAD_CONSTANT) {
        find(d, true, "constant", "'%s' is constant: it does not move with the audio (spread %.1g)%s", main->name, main->content,
             main->sweep[STY_SWEEP_LENGTH] < STY_SPREAD_CONSTANT ? "" : "; only the length of the clip changes it");
        judge_cause(d);
    } else if (main->speech < STY_SPREAD_WEAK) {
        find(d, true, "weak", "'%s' hardly moves with speech (spread %.2g, expected %.2g or more)", main->name,
             main->speech, STY_SPREAD_WEAK);
    } else find(d, false, "moves", "'%s' moves with the audio (spread %.2f)", main->name, main->speech);
}

/* Which outputs still carry style when the main one does not. */
static void judge_carriers(sty_diagnosis *d) {
    char names[256] = "";
    size_t n = 0;
    if (!(d->outputs[d->main].speech < STY_SPREAD_WEAK)) return;
    for (size_t i = 0; i < d->n_outputs; i++)
        if (i != d->main && d->outputs[i].speech >= STY_SPREAD_WEAK && n < sizeof names)
            n += (size_t)snprintf(names + n, sizeof names - n, "%s'%s' (spread %.2f)", n ? ", " : "",
                                  d->outputs[i].name, d->outputs[i].speech);
    if (n) find(d, false, "carries_style", "still moves with the audio: %s; use that with -w", names);
    else find(d, true, "nothing_carries_style", "no other output moves with the audio either");
}

/* ---- what it moves with ---- */

static void judge_sweeps(sty_diagnosis *d) {
    const sty_output_facts *m = &d->outputs[d->main];
    const double *s = m->sweep, voice = fmax(s[STY_SWEEP_PITCH], s[STY_SWEEP_TEMPO]);
    if (m->content < STY_SPREAD_CONSTANT) return;
    if (s[STY_SWEEP_LENGTH] > 3 * voice)
        find(d, true, "length", "'%s' follows the length of the clip more than the voice (spread %.2g against %.2g)",
             m->name, s[STY_SWEEP_LENGTH], voice);
    if (s[STY_SWEEP_LEVEL] > 1.5 * voice)
        find(d, true, "level", "'%s' follows the level more than the voice (spread %.2g against %.2g): bring clips to one level",
             m->name, s[STY_SWEEP_LEVEL], voice);
    else if (s[STY_SWEEP_LEVEL] < STY_SPREAD_CONSTANT)
        find(d, false, "level_free", "'%s' does not depend on the level", m->name);
}

/* ---- tokens ---- */

static void token_list(const bool *flags, size_t n, char *text, size_t size) {
    size_t at = 0;
    text[0] = '\0';
    for (size_t k = 0; k < n && at + 24 < size; k++)
        if (flags[k]) at += (size_t)snprintf(text + at, size - at, "%s%zu", at ? ", " : "", k);
}

static void judge_duplicates(sty_diagnosis *d, const sty_token_facts *f) {
    char text[256];
    size_t at = 0;
    for (size_t i = 0; i < f->tokens; i++) {
        bool group = false;
        for (size_t j = i + 1; j < f->tokens && f->twin[i] == i; j++) {
            if (f->twin[j] != i || at + 48 > sizeof text) continue;
            if (!group) at += (size_t)snprintf(text + at, sizeof text - at, "%s%zu", at ? "; " : "", i);
            at += (size_t)snprintf(text + at, sizeof text - at, " = %zu", j);
            group = true;
        }
    }
    if (at) find(d, true, "duplicate_tokens", "tokens of '%s' that are the same: %s", f->node->name, text);
}

static void judge_heads(sty_diagnosis *d, const sty_token_facts *f) {
    size_t even = 0, stuck = 0;
    for (size_t h = 0; h < f->heads; h++) {
        even += f->tokens > 1 && f->effective[h] > STY_HEAD_EVEN * (double)f->tokens;
        stuck += f->stuck[h];
    }
    if (even)
        find(d, true, "even_attention",
             "%zu of %zu heads of '%s' share their attention evenly over all tokens: they give the mean token, whatever the audio",
             even, f->heads, f->node->name);
    if (stuck)
        find(d, true, "stuck_heads", "%zu of %zu heads of '%s' always choose the same token", stuck, f->heads, f->node->name);
    if (f->agreement > STY_HEADS_AGREE)
        find(d, true, "heads_agree", "the heads of '%s' agree (correlation %.2f): they act as one", f->node->name,
             f->agreement);
}

static void judge_tokens(sty_diagnosis *d, const sty_token_facts *f) {
    char text[256];
    token_list(f->dead, f->tokens, text, sizeof text);
    if (text[0]) find(d, true, "dead_tokens", "tokens of '%s' that are never used: %s", f->node->name, text);
    judge_duplicates(d, f);
    if (!f->batch_softmax) judge_heads(d, f);
}

/* ---- what is published that way ---- */

static void judge_quirks(sty_diagnosis *d) {
    const sty_front_end_params *p = sty_front_end_facts(d->model->front_end);
    const double now = d->outputs[d->main].speech;
    for (size_t i = 0; i < d->model->graph.n_nodes; i++) {
        const sty_node *node = &d->model->graph.nodes[i];
        const bool image = strcmp(node->type->name, "image") == 0;
        if (image && d->other_layout >= STY_SPREAD_WEAK && d->other_layout > STY_LAYOUT_FACTOR * now)
            find(d, true, "layout",
                 "with the other layout of '%s' the output would move (spread %.2f against %.2g): the weights were trained on %s "
                 "features; convert with --set layout=%s",
                 node->name, d->other_layout, now,
                 strcmp(sty_node_choice(node, "layout"), "mel_major") == 0 ? "time-major" : "mel-major",
                 strcmp(sty_node_choice(node, "layout"), "mel_major") == 0 ? "time_major" : "mel_major");
        else if (image && strcmp(sty_node_choice(node, "layout"), "mel_major") == 0)
            find(d, false, "mel_major", "'%s' reads [mels, frames] memory as [frames, mels], as published for Mellotron", node->name);
        if (strcmp(node->type->name, "flatten") == 0 &&
            strcmp(sty_node_choice(node, "order"), "channel_time_mel_reinterpreted") == 0)
            find(d, false, "scrambled_flatten", "'%s' scrambles channels and time, as published for early ESPnet", node->name);
        const bool batch = strcmp(sty_node_choice(node, "softmax_axis"), "batch") == 0;
        if (batch && !(d->outputs[d->main].content < STY_SPREAD_CONSTANT))
            find(d, true, "softmax_axis", "the softmax of '%s' runs over the batch (published bug): all its weights are 1", node->name);
    }
    if (p->mel_sample_rate != STY_NONE && p->mel_sample_rate != p->sample_rate && p->mel_sample_rate > 0)
        find(d, false, "filter_bank_rate", "the mel filters are designed for %d Hz at %d Hz of audio, as published for StyleTTS 2",
             p->mel_sample_rate, p->sample_rate);
}

static void judge_runs(sty_diagnosis *d) {
    if (!d->model->info.trained)
        find(d, true, "untrained", "the model is untrained: what is said here holds for random weights");
    for (size_t i = 1; i < d->model->graph.n_inputs; i++)
        if (!d->bound[i])
            find(d, false, "stand_in", "input '%s' was not bound: the same random values stood in for it in all runs",
                 d->model->graph.values[i].name);
    for (size_t r = 0; r < d->n_runs; r++)
        if (!d->runs[r].ok)
            find(d, false, "probe_failed", "probe '%s' could not be run: %.250s", d->runs[r].name, d->runs[r].why.message);
    if (d->saturated > 0.1)
        find(d, true, "saturated", "%.0f %% of the units of 'reference' are at their bound in nearly every run",
             100 * d->saturated);
}

void sty_diagnosis_judge(sty_diagnosis *d) {
    judge_main(d);
    judge_carriers(d);
    judge_sweeps(d);
    for (size_t i = 0; i < d->n_layers; i++)
        judge_tokens(d, &d->layers[i]);
    judge_quirks(d);
    judge_runs(d);
}
