/* manual.c - `stylet manual`: man pages from the same tables as --help, in the
 * macros of man(7), which groff and mandoc both read. */
#include "commands.h"
#include "common.h"
#include "messages.h"

#include <ctype.h>
#include <string.h>

typedef struct {
    common_options common;
    const char *to;
} manual_options;

static const option_row options[] = {
    COMMON_OPTIONS,
    {0, "to", "DIR", OPTION_TEXT, offsetof(manual_options, to), 0, 0, "write all pages into a folder: stylet.1, stylet-bench.1 ..."},
};

/* Text of a page: what troff would take for a command, or a hyphen for a minus, is escaped. */
static void put(sty_buf *out, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const bool begins = i == 0 ? out->length == 0 || out->data[out->length - 1] == '\n' : text[i - 1] == '\n';
        if (begins && (text[i] == '.' || text[i] == '\'')) sty_buf_text(out, "\\&");
        if (text[i] == '\\') sty_buf_text(out, "\\e");
        else if (text[i] == '-') sty_buf_text(out, "\\-");
        else if (text[i] == '\'') sty_buf_text(out, "\\(aq");
        else if (text[i] == '`') sty_buf_text(out, "\\(ga");
        else if (text[i] == '~') sty_buf_text(out, "\\(ti");
        else sty_buf_put(out, text + i, 1);
    }
}

static void text(sty_buf *out, const char *line) { put(out, line, strlen(line)); }

static void head(sty_buf *out, const char *name, const char *summary) {
    char capitals[64];
    size_t n = 0;
    for (; name[n] && n < sizeof capitals - 1; n++)
        capitals[n] = (char)toupper((unsigned char)name[n]);
    capitals[n] = '\0';
    sty_buf_text(out, ".TH ");
    text(out, capitals);
    sty_buf_printf(out, " 1 \"\" \"stylet %s\" \"User Commands\"\n.SH NAME\n", sty_version());
    text(out, name);
    sty_buf_text(out, " \\- ");
    text(out, summary);
    sty_buf_text(out, "\n");
}

/* Lines as they are, a heading above. */
static void verbatim(sty_buf *out, const char *heading, const char *lines) {
    sty_buf_printf(out, ".SH %s\n.nf\n", heading);
    text(out, lines);
    sty_buf_text(out, "\n.fi\n");
}

static void option(sty_buf *out, const option_row *row) {
    sty_buf_text(out, ".TP\n");
    if (row->letter) sty_buf_printf(out, "\\fB\\-%c\\fR, ", row->letter);
    sty_buf_text(out, "\\fB\\-\\-");
    text(out, row->name);
    sty_buf_text(out, "\\fR");
    if (row->argument) {
        sty_buf_text(out, " \\fI");
        text(out, row->argument);
        sty_buf_text(out, "\\fR");
    }
    sty_buf_text(out, "\n");
    text(out, row->help);
    sty_buf_text(out, row->kind == OPTION_TEXTS ? " (may be repeated)\n" : "\n");
}

static void page_of_command(const command *cmd, sty_buf *out) {
    char name[64];
    snprintf(name, sizeof name, "stylet-%s", cmd->name);
    head(out, name, cmd->summary);
    sty_buf_text(out, ".SH SYNOPSIS\n\\fBstylet ");
    text(out, cmd->name);
    sty_buf_text(out, "\\fR ");
    text(out, cmd->usage);
    sty_buf_text(out, "\n");
    verbatim(out, "EXAMPLES", cmd->examples);
    sty_buf_text(out, ".SH OPTIONS\n");
    for (size_t i = 0; i < cmd->n_options; i++)
        option(out, &cmd->options[i]);
    sty_buf_text(out, ".SH SEE ALSO\n\\fBstylet\\fR(1) tells exit status and environment.\n");
}

static void items(sty_buf *out, const char *heading, const char *const (*rows)[2], size_t n) {
    sty_buf_printf(out, ".SH %s\n", heading);
    for (size_t i = 0; i < n; i++) {
        sty_buf_printf(out, ".TP\n\\fB%s\\fR\n", rows[i][0]);
        text(out, rows[i][1]);
        sty_buf_text(out, "\n");
    }
}

static void page_of_program(sty_buf *out) {
    static const char *const codes[][2] = {
        {"0", "all is well; merge, missing and model verify: nothing is wrong"},
        {"1", "extract: more inputs failed than --max-errors allows; missing, model verify: something is wrong; model diagnose: the main output "
              "does not move with the audio"},
        {"2", "a wrong option, list or model; nothing was done"},
        {"3", "no input could be processed"},
        {"75", "the output could not be written; worth a retry"},
        {"130, 143", "stopped by a signal; extract --resume goes on"},
    };
    static const char *const variables[][2] = {
        {"STYLET_MODEL", "the model where -m is not given"},
        {"STYLET_CPU", "generic, neon, avx2 or avx512: a lower set of vector instructions than the processor has"},
        {"NO_COLOR", "when set, inspect prints without colour"},
    };
    head(out, "stylet", "speech in, style vectors out");
    sty_buf_text(out, ".SH SYNOPSIS\n\\fBstylet\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIOPERAND\\fR]...\n.SH DESCRIPTION\n");
    text(out, "stylet loads audio, computes a spectrogram, runs a reference encoder, style-token attention and the other layers that a "
              "model's manifest describes, and writes style vectors and token weights. Results go to standard output or to -o, messages "
              "to standard error. Options and operands may mix; -- ends the options.");
    sty_buf_text(out, "\n.SH COMMANDS\n");
    for (size_t i = 0; i < n_commands; i++) {
        sty_buf_printf(out, ".TP\n\\fBstylet\\-%s\\fR(1)\n", commands[i]->name);
        text(out, commands[i]->summary);
        sty_buf_text(out, "\n");
    }
    items(out, "EXIT STATUS", codes, STY_COUNT(codes));
    items(out, "ENVIRONMENT", variables, STY_COUNT(variables));
}

static sty_status write_page(const char *folder, const command *cmd, sty_err *err) {
    sty_buf page = {0}, path = {0};
    sty_buf_printf(&path, "%s/stylet%s%s.1", folder, cmd ? "-" : "", cmd ? cmd->name : "");
    sty_buf_put(&path, "", 1);
    if (cmd) page_of_command(cmd, &page);
    else page_of_program(&page);
    const sty_status status = page.failed || path.failed ? sty_err_no_memory(err, page.capacity, "a page")
                                                         : sty_file_write(path.data, page.data, page.length, true, err);
    sty_buf_clear(&page);
    sty_buf_clear(&path);
    return status;
}

static int write_all(const char *folder) {
    sty_err err;
    sty_status status = write_page(folder, NULL, &err);
    for (size_t i = 0; i < n_commands && status == STY_OK; i++)
        status = write_page(folder, commands[i], &err);
    if (status != STY_OK) message_error("%s", err.message);
    return exit_code(status);
}

static int run(void *options_, int n_args, char **args) {
    const manual_options *o = options_;
    sty_buf page = {0};
    if (n_args > 1 || (o->to && n_args)) {
        message_error("expected one command at most, given is also '%s'", args[o->to ? 0 : 1]);
        return EXIT_USAGE;
    }
    if (o->to) return write_all(o->to);
    const command *cmd = n_args ? find_command(args[0]) : NULL;
    if (n_args && !cmd) return EXIT_USAGE;
    if (cmd) page_of_command(cmd, &page);
    else page_of_program(&page);
    return print_buf(&page);
}

const command command_manual = {
    .name = "manual",
    .summary = "the manual as man pages",
    .usage = "[COMMAND] [--to DIR]",
    .examples = "stylet manual extract | man -l -           read one page\n"
                "stylet manual --to share/man/man1          all of them",
    .options = options,
    .n_options = STY_COUNT(options),
    .options_size = sizeof(manual_options),
    .run = run,
};
