/* heap.h - the program's heap: where it begins, what a forked worker does with it. */
#ifndef CMD_HEAP_H
#define CMD_HEAP_H

/* To be called before anything else is allocated. */
void heap_begin(void);

/* In a forked worker, before it computes: what it allocates from now on lies in memory
 * that it does not share with the supervisor. */
void heap_part(void);

#endif
