/* completions.c - `stylet completions`: scripts that complete commands, options and
 * their words in bash, zsh and fish, from the same tables as --help. File names are
 * left to the shell. */
#include "commands.h"
#include "common.h"
#include "messages.h"

#include <string.h>

typedef struct {
    common_options common;
} completions_options;

static const option_row options[] = {COMMON_OPTIONS};

/* Text between single quotes of a shell; more: what is escaped beside the quote. */
static void quoted(sty_buf *out, const char *text, const char *more) {
    for (; *text; text++) {
        if (*text == '\'') sty_buf_text(out, "'\\''");
        else if (strchr(more, *text)) sty_buf_printf(out, "\\%c", *text);
        else sty_buf_put(out, text, 1);
    }
}

/* The words of "fail|zero|N", parted by blanks. */
static void words(sty_buf *out, const char *text) {
    size_t n, i = 0;
    for (const char *word = option_word(&text, &n); word; word = option_word(&text, &n), i++) {
        sty_buf_text(out, i ? " " : "");
        sty_buf_put(out, word, n);
    }
}

static void command_names(sty_buf *out) {
    for (size_t i = 0; i < n_commands; i++)
        sty_buf_printf(out, "%s%s", i ? " " : "", commands[i]->name);
}

/* What the first operand may be, where that is known. */
static void first_operand(const command *cmd, sty_buf *out) {
    char verbs[128];
    if (cmd == &command_manual) command_names(out);
    else words(out, command_verbs(cmd, verbs, sizeof verbs));
}

static bool knows_first_operand(const command *cmd) {
    char verbs[128];
    return cmd == &command_manual || *command_verbs(cmd, verbs, sizeof verbs);
}

/* ---- bash ---- */

/* "extract:--nonfinite) words='fail zero' ;;" and the options that take anything else. */
static void bash_values(const command *cmd, sty_buf *out) {
    for (size_t i = 0; i < cmd->n_options; i++) {
        const option_row *row = &cmd->options[i];
        const option_value takes = option_takes(row);
        if (takes == VALUE_NONE) continue;
        sty_buf_printf(out, "        %s:--%s", cmd->name, row->name);
        if (row->letter) sty_buf_printf(out, "|%s:-%c", cmd->name, row->letter);
        sty_buf_text(out, ") ");
        if (takes == VALUE_FILE) sty_buf_text(out, "return ;;\n");
        else {
            sty_buf_text(out, "words='");
            if (takes == VALUE_WORDS) words(out, row->argument);
            sty_buf_text(out, "' ;;\n");
        }
    }
}

static void bash_options(const command *cmd, sty_buf *out) {
    sty_buf_printf(out, "        %s) words='", cmd->name);
    for (size_t i = 0; i < cmd->n_options; i++)
        sty_buf_printf(out, "%s--%s", i ? " " : "", cmd->options[i].name);
    sty_buf_text(out, "' verbs='");
    first_operand(cmd, out);
    sty_buf_text(out, "' ;;\n");
}

static void bash(sty_buf *out) {
    sty_buf_text(out, "# bash completion of stylet; written by: stylet completions bash\n"
                      "_stylet() {\n"
                      "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words='' verbs='' takes=yes\n"
                      "    COMPREPLY=()\n"
                      "    if ((COMP_CWORD == 1)); then\n"
                      "        words='");
    command_names(out);
    sty_buf_text(out, " help --help --version'\n"
                      "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
                      "        return\n"
                      "    fi\n"
                      "    # --option=value comes as three words\n"
                      "    if [[ $word == '=' ]]; then\n"
                      "        word=''\n"
                      "    elif [[ $before == '=' ]]; then\n"
                      "        before=${COMP_WORDS[COMP_CWORD - 2]}\n"
                      "    fi\n"
                      "    case ${COMP_WORDS[1]}:$before in\n");
    for (size_t i = 0; i < n_commands; i++)
        bash_values(commands[i], out);
    sty_buf_text(out, "        *) takes='' ;;\n"
                      "    esac\n"
                      "    if [[ $takes ]]; then # words and no files\n"
                      "        compopt +o default 2> /dev/null\n"
                      "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
                      "        return\n"
                      "    fi\n"
                      "    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < n_commands; i++)
        bash_options(commands[i], out);
    sty_buf_text(out, "    esac\n"
                      "    if [[ $word != -* ]]; then\n"
                      "        words=''\n"
                      "        ((COMP_CWORD == 2)) && words=$verbs\n"
                      "    fi\n"
                      "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
                      "}\n"
                      "complete -o default -F _stylet stylet\n");
}

/* ---- zsh ---- */

static void zsh_option(const option_row *row, sty_buf *out) {
    const option_value takes = option_takes(row);
    const bool repeats = row->kind == OPTION_TEXTS;
    const char *equals = takes == VALUE_NONE ? "" : "=";
    sty_buf_text(out, " \\\n            ");
    if (row->letter && !repeats) sty_buf_printf(out, "'(-%c --%s)'", row->letter, row->name);
    if (repeats) sty_buf_text(out, "'*'");
    if (row->letter) sty_buf_printf(out, "{-%c%s,--%s%s}'[", row->letter, takes == VALUE_NONE ? "" : "+", row->name, equals);
    else sty_buf_printf(out, "'--%s%s[", row->name, equals);
    quoted(out, row->help, "[]\\");
    sty_buf_text(out, "]");
    if (takes != VALUE_NONE) {
        sty_buf_text(out, ":");
        quoted(out, row->argument, ":\\");
        sty_buf_text(out, takes == VALUE_FILE ? ":_files" : takes == VALUE_WORDS ? ":(" : ": ");
        if (takes == VALUE_WORDS) {
            words(out, row->argument);
            sty_buf_text(out, ")");
        }
    }
    sty_buf_text(out, "'");
}

static void zsh_command(const command *cmd, sty_buf *out) {
    sty_buf_printf(out, "    %s)\n        _arguments -s -S", cmd->name);
    for (size_t i = 0; i < cmd->n_options; i++)
        zsh_option(&cmd->options[i], out);
    if (knows_first_operand(cmd)) {
        sty_buf_text(out, " \\\n            '1:what:(");
        first_operand(cmd, out);
        sty_buf_text(out, ")'");
    }
    sty_buf_text(out, " \\\n            '*:file:_files'\n        ;;\n");
}

static void zsh(sty_buf *out) {
    sty_buf_text(out, "#compdef stylet\n# zsh completion of stylet; written by: stylet completions zsh\n"
                      "_stylet() {\n"
                      "    local -a commands=(\n");
    for (size_t i = 0; i < n_commands; i++) {
        sty_buf_printf(out, "        '%s:", commands[i]->name);
        quoted(out, commands[i]->summary, ":\\");
        sty_buf_text(out, "'\n");
    }
    sty_buf_text(out, "    )\n"
                      "    if ((CURRENT == 2)); then\n"
                      "        _describe command commands\n"
                      "        return\n"
                      "    fi\n"
                      "    shift words\n"
                      "    ((CURRENT--))\n"
                      "    case $words[1] in\n");
    for (size_t i = 0; i < n_commands; i++)
        zsh_command(commands[i], out);
    sty_buf_text(out, "    esac\n"
                      "}\n"
                      "if [[ $funcstack[1] == _stylet ]]; then\n"
                      "    _stylet \"$@\"\n"
                      "else\n"
                      "    compdef _stylet stylet\n"
                      "fi\n");
}

/* ---- fish ---- */

static void fish_option(const command *cmd, const option_row *row, sty_buf *out) {
    const option_value takes = option_takes(row);
    sty_buf_printf(out, "complete -c stylet -n '__fish_seen_subcommand_from %s' -l %s", cmd->name, row->name);
    if (row->letter) sty_buf_printf(out, " -s %c", row->letter);
    if (takes == VALUE_FILE) sty_buf_text(out, " -r -F");
    if (takes == VALUE_OTHER) sty_buf_text(out, " -x");
    if (takes == VALUE_WORDS) {
        sty_buf_text(out, " -x -a '");
        words(out, row->argument);
        sty_buf_text(out, "'");
    }
    sty_buf_text(out, " -d '");
    quoted(out, row->help, "\\");
    sty_buf_text(out, "'\n");
}

static void fish(sty_buf *out) {
    sty_buf_text(out, "# fish completion of stylet; written by: stylet completions fish\n");
    for (size_t i = 0; i < n_commands; i++) {
        sty_buf_printf(out, "complete -c stylet -f -n __fish_use_subcommand -a %s -d '", commands[i]->name);
        quoted(out, commands[i]->summary, "\\");
        sty_buf_text(out, "'\n");
    }
    sty_buf_text(out, "complete -c stylet -n __fish_use_subcommand -l version -d 'version and licence'\n");
    for (size_t i = 0; i < n_commands; i++) {
        const char *name = commands[i]->name;
        if (knows_first_operand(commands[i])) { /* three words: the program, the command, this one */
            sty_buf_printf(out, "complete -c stylet -n '__fish_seen_subcommand_from %s; and test (count (commandline -opc)) -eq 2' -a '", name);
            first_operand(commands[i], out);
            sty_buf_text(out, "'\n");
        }
        for (size_t k = 0; k < commands[i]->n_options; k++)
            fish_option(commands[i], &commands[i]->options[k], out);
    }
}

/* ---- the command ---- */

static const struct {
    const char *name;
    void (*write)(sty_buf *out);
} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

static const char *shell_at(const void *context, size_t i) {
    (void)context;
    return shells[i].name;
}

static int run(void *options_, int n_args, char **args) {
    sty_buf out = {0};
    sty_err err;
    (void)options_;
    if (n_args != 1) {
        message_error("expected a shell: bash, zsh or fish");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < STY_COUNT(shells); i++) {
        if (strcmp(args[0], shells[i].name) != 0) continue;
        shells[i].write(&out);
        return print_buf(&out);
    }
    sty_unknown_name("shell", args[0], shell_at, NULL, STY_COUNT(shells), &err);
    message_error("%s", err.message);
    return EXIT_USAGE;
}

const command command_completions = {
    .name = "completions",
    .summary = "completion of command lines for a shell",
    .usage = "bash|zsh|fish",
    .examples = "source <(stylet completions bash)                 this shell; make install brings it for all\n"
                "stylet completions zsh > ~/.zfunc/_stylet         a folder of $fpath\n"
                "stylet completions fish > ~/.config/fish/completions/stylet.fish",
    .options = options,
    .n_options = STY_COUNT(options),
    .options_size = sizeof(completions_options),
    .run = run,
};
