/* commands.c - the table of the commands, in the order of their names. */
#include "commands.h"

#include "messages.h"

#include <string.h>

const command *const commands[] = {
    &command_bench,
    &command_compare,
    &command_completions,
    &command_extract,
    &command_inspect,
    &command_manual,
    &command_mel,
    &command_merge,
    &command_missing,
    &command_mix,
    &command_model,
    &command_plot,
    &command_speak,
};

const size_t n_commands = STY_COUNT(commands);

static const char *name_at(const void *context, size_t i) {
    (void)context;
    return commands[i]->name;
}

const command *find_command(const char *name) {
    sty_err err;
    for (size_t i = 0; i < n_commands; i++)
        if (strcmp(name, commands[i]->name) == 0) return commands[i];
    sty_unknown_name("command", name, name_at, NULL, n_commands, &err);
    message_error("%s (stylet --help lists them)", err.message);
    return NULL;
}
