// Which files the shim watches: those below the folder RAFTALLY_SHIM_ROOT, but for the shared memory of SQLite.

#ifndef RAFTALLY_SHIM_TRACKED_H
#define RAFTALLY_SHIM_TRACKED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define PATH_BYTES 4096

struct file {
  bool used;
  bool folder;
  bool append;
  bool synced_writes;  // it was asked for with O_DSYNC or O_SYNC, which the shim does itself
  uint64_t device;
  uint64_t inode;
};

void tracked_open(const char *root);
// Whether a path is watched.
bool tracked_path(const char *path);
// The whole path of a name that may not exist, with every link before its last part followed; false if there is none.
bool tracked_resolve(int folder, const char *path, char *whole);
// The path behind a descriptor; false if it has none.
bool tracked_path_of(int fd, char *path);
// Remembers a descriptor that was just opened.
void tracked_add(int fd, bool append, bool synced_writes);
// What is watched behind a descriptor, with its status as of now; NULL if it is not watched. Descriptors that were
// closed behind the shim's back, as libuv does, are found out by what they stand for now.
const struct file *tracked_file(int fd, struct stat *now);

#endif
