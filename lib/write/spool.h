/* spool.h - what array formats share: rows that wait in a nameless file beside the
 * output, where there is room for the output; ids in OUT.ids.txt. Floor 2. */
#ifndef STY_WRITE_SPOOL_H
#define STY_WRITE_SPOOL_H

#include "write/writer.h"

#include <stdio.h>

FILE *sty_spool_open(const sty_writer *writer); /* NULL with errno */
sty_status sty_spool_failed(const sty_writer *writer, sty_err *err);

sty_status sty_ids_open(const sty_writer *writer, sty_out **ids, sty_err *err);
sty_status sty_ids_put(sty_out *ids, const char *id, sty_err *err);

#endif
