/* merge.c - `stylet merge` and `stylet missing`: what follows a run in shards. */
#include "commands.h"
#include "extract_report.h"
#include "messages.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    common_options common;
    const char *format, *status, *shards;
    bool overwrite, sort;
} merge_options;

static const option_row merge_table[] = {
    COMMON_OPTIONS,
    {'f', "format", FORMATS, OPTION_TEXT, offsetof(merge_options, format), 0, 0, "of the output [by extension]"},
    {0, "shards", "NAME", OPTION_TEXT, offsetof(merge_options, shards), 0, 0, "the -o that the shards were made with [OUT]"},
    {0, "overwrite", NULL, OPTION_FLAG, offsetof(merge_options, overwrite), 0, 0, "replace an existing output"},
    {0, "sort", NULL, OPTION_FLAG, offsetof(merge_options, sort), 0, 0, "order by id (C order) instead of as listed"},
    {0, "status", "FILE", OPTION_TEXT, offsetof(merge_options, status), 0, 0, "a JSON line for every input, good or bad"},
};

/* OUT.003-of-064.npz -> OUT.npz, in place; false: not a shard's name. */
static bool unshard(char *name) {
    char *slash = strrchr(name, '/');
    for (char *dot = strchr(slash ? slash : name, '.'); dot; dot = strchr(dot + 1, '.')) {
        size_t index, total;
        int end = 0;
        if (sscanf(dot, ".%zu-of-%zu%n", &index, &total, &end) != 2 || end == 0 || (dot[end] != '.' && dot[end])) continue;
        memmove(dot, dot + end, strlen(dot + end) + 1);
        return true;
    }
    return false;
}

/* SHARD operands name one set, whichever of its files they are. */
static bool shards_of(int n_args, char **args, const char **base) {
    for (int i = 1; i < n_args; i++) {
        if (!unshard(args[i])) {
            message_error("'%s' is not the name of a shard, such as out.003-of-064.npz", args[i]);
            return false;
        }
        const size_t n = strcspn(args[i] + (strrchr(args[i], '/') ? strrchr(args[i], '/') - args[i] : 0), ".");
        if (*base && strncmp(*base, args[i], n) != 0) {
            message_error("'%s' and '%s' are of different runs", *base, args[i]);
            return false;
        }
        *base = args[i];
    }
    return true;
}

static int run_merge(void *options_, int n_args, char **args) {
    merge_options *o = options_;
    const sty_writer_type *type;
    sty_counts counts = {0};
    run_report report;
    size_t n_shards = 0;
    char *file = NULL;
    sty_err err;
    if (n_args < 1) {
        message_error("expected an output (stylet merge --help)");
        return EXIT_USAGE;
    }
    if (!shards_of(n_args, args, &o->shards)) return EXIT_USAGE;
    if (!report_begin(&report, "never", 0)) return EXIT_USAGE;
    const sty_merge_options how = {.output = args[0],
                                   .format = o->format,
                                   .status = o->status,
                                   .overwrite = o->overwrite,
                                   .sort = o->sort || sty_specifier_sorts(args[0]),
                                   .shards = o->shards,
                                   .context = &report,
                                   .tick = report_tick};
    sty_status status = sty_writer_check(args[0], o->format, o->overwrite, &type, &file, &err);
    sty_free(file);
    if (status == STY_OK && o->status) status = sty_out_check_folder(o->status, &err);
    if (status == STY_OK) status = sty_merge(&how, &counts, &n_shards, &err);
    if (status != STY_OK) {
        message_error("%s", err.message);
        return status == STY_CANCELLED && report_signal() ? 128 + report_signal() : exit_code(status);
    }
    message_note("%zu shards, %zu inputs, %zu of them failed", n_shards, counts.n_ok + counts.n_failed, counts.n_failed);
    return counts.n_records == 0 && counts.n_failed ? EXIT_NONE_DONE : EXIT_OK;
}

const command command_merge = {
    .name = "merge",
    .summary = "the shards of a run as one output",
    .usage = "[--shards NAME] OUT [SHARD...]",
    .examples = "stylet merge out.npz                        from out.001-of-064.log and the others beside it\n"
                "stylet merge --shards out.npz all.jsonl     in another format",
    .options = merge_table,
    .n_options = STY_COUNT(merge_table),
    .options_size = sizeof(merge_options),
    .run = run_merge,
};

/* ---- missing ---- */

typedef struct {
    common_options common;
    int total;
    bool sbatch, json;
} missing_options;

static const option_row missing_table[] = {
    COMMON_OPTIONS,
    {0, "total", "N", OPTION_INT, offsetof(missing_options, total), 1, 65535, "how many shards there are [from the files]"},
    {0, "sbatch", NULL, OPTION_FLAG, offsetof(missing_options, sbatch), 0, 0, "on one line, for sbatch --array"},
    {0, "json", NULL, OPTION_FLAG, offsetof(missing_options, json), 0, 0, "as JSON, with how many there are"},
};

static bool is_done(const char *output, size_t index, size_t total) {
    const sty_shard shard = {.index = index, .total = total};
    sty_buf name = {0};
    sty_done done;
    sty_shard_name(output, &shard, ".done.json", &name);
    const bool is = !name.failed && sty_done_read(name.data, &done, NULL) == STY_OK && done.shard == index && done.total == total;
    sty_buf_clear(&name);
    return is;
}

/* "2,5,17-19" */
static size_t list_missing(const char *output, size_t total, bool in_ranges, sty_buf *text) {
    size_t n = 0;
    for (size_t i = 1; i <= total; i++) {
        if (is_done(output, i, total)) continue;
        size_t end = i;
        while (in_ranges && end < total && !is_done(output, end + 1, total))
            end++;
        if (in_ranges && n) sty_buf_text(text, ",");
        sty_buf_printf(text, "%zu", i);
        if (end > i) sty_buf_printf(text, "-%zu", end);
        if (!in_ranges) sty_buf_text(text, "\n");
        n += end - i + 1;
        i = end;
    }
    if (in_ranges && n) sty_buf_text(text, "\n");
    return n;
}

static size_t list_json(const char *output, size_t total, sty_buf *text) {
    size_t n = 0;
    sty_buf_printf(text, "{\"total\": %zu, \"missing\": [", total);
    for (size_t i = 1; i <= total; i++)
        if (!is_done(output, i, total)) sty_buf_printf(text, n++ ? ", %zu" : "%zu", i);
    sty_buf_text(text, "]}\n");
    return n;
}

static int run_missing(void *options_, int n_args, char **args) {
    const missing_options *o = options_;
    size_t total = (size_t)o->total;
    sty_buf text = {0};
    sty_err err;
    if (n_args != 1) {
        message_error("expected one output (stylet missing --help)");
        return EXIT_USAGE;
    }
    if (total == 0 && sty_shard_total(args[0], &total, &err) != STY_OK) {
        message_error("%s", err.message);
        return EXIT_USAGE;
    }
    if (total == 0) {
        message_error("there are no shards of '%s'; say how many there should be with --total N", args[0]);
        return EXIT_USAGE;
    }
    const size_t n = o->json ? list_json(args[0], total, &text) : list_missing(args[0], total, o->sbatch, &text);
    const int code = print_buf(&text);
    message_note("%zu of %zu shards are missing", n, total);
    return code ? code : n > 0;
}

const command command_missing = {
    .name = "missing",
    .summary = "shards that are not finished",
    .usage = "[--total N] [--sbatch|--json] OUT",
    .examples = "stylet missing out.npz                                        one number a line; exit 1 if any\n"
                "sbatch --array=\"$(stylet missing --sbatch out.npz)\" extract.sbatch   run them again",
    .options = missing_table,
    .n_options = STY_COUNT(missing_table),
    .options_size = sizeof(missing_options),
    .run = run_missing,
};
