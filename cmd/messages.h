/* messages.h - the only writers to stderr. Data never goes there, talk never to
 * stdout. Format strings carry no line end. */
#ifndef CMD_MESSAGES_H
#define CMD_MESSAGES_H

#include "tool.h"

extern bool messages_quiet;

void message_error(const char *format, ...) STY_PRINTF(1, 2);
void message_warning(const char *format, ...) STY_PRINTF(1, 2); /* silent when quiet */
void message_note(const char *format, ...) STY_PRINTF(1, 2);    /* silent when quiet */

#endif
