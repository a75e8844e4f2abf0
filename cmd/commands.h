/* commands.h - the commands: by name, and as the table that help, man pages and
 * completions are made from. */
#ifndef CMD_COMMANDS_H
#define CMD_COMMANDS_H

#include "options.h"

extern const command *const commands[]; /* [n_commands], in the order of their names */
extern const size_t n_commands;

/* The command of this name, or NULL after a message. */
const command *find_command(const char *name);

extern const command command_bench;
extern const command command_compare;
extern const command command_completions;
extern const command command_extract;
extern const command command_inspect;
extern const command command_manual;
extern const command command_mel;
extern const command command_merge;
extern const command command_missing;
extern const command command_mix;
extern const command command_model;
extern const command command_plot;
extern const command command_speak;

#endif
