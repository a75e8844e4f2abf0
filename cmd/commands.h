/* commands.h - the commands by name, for the table in main.c. */
#ifndef CMD_COMMANDS_H
#define CMD_COMMANDS_H

#include "options.h"

extern const command command_bench;
extern const command command_compare;
extern const command command_extract;
extern const command command_inspect;
extern const command command_mel;
extern const command command_merge;
extern const command command_missing;
extern const command command_mix;
extern const command command_model;
extern const command command_plot;
extern const command command_speak;

#endif
