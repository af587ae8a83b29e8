// What the parts of the shim share: shim.c has writes and syncs, names.c has names, and what is not modelled.

#ifndef RAFTALLY_SHIM_H
#define RAFTALLY_SHIM_H

#include <pthread.h>
#include <sys/stat.h>

#include "control.h"
#include "journal.h"
#include "tracked.h"

// NULL in a process that is not to be watched, and before the shim has begun.
extern struct control *control;
// Held while a change is written down and made.
extern pthread_mutex_t order;

// Counts.
void add(uint64_t *counter);
// Ends the process by SIGKILL if this is the point at which it is to die.
void reach(enum point point, const char *path);
void reach_fd(enum point point, int fd);
// Writes down what a write of these bytes, or a truncation to `offset`, is about to replace.
void write_down(enum kind kind, int fd, const struct stat *now, uint64_t offset, uint64_t length);

#endif
