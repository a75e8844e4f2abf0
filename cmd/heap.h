/* heap.h - the program's heap: where it begins, what a forked worker does with it. */
#ifndef CMD_HEAP_H
#define CMD_HEAP_H

/* To be called before anything else is allocated. */
void heap_begin(void);

/* Before there are workers: pages of the supervisor that are shared with them are not
 * copied in whole huge ones, which a long run comes to otherwise. */
void heap_keep(void);

/* In a forked worker, before it computes: what it allocates from now on lies in memory
 * that it does not share with the supervisor. */
void heap_part(void);

#endif
