#define _GNU_SOURCE
#include "journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// Only raw system calls are used here: the functions of the C library with these names are the shim's own.

static int journal_fd = -1;
static char inodes[4096];
static uint64_t last_id;

void journal_die(const char *sentence, const char *about) {
  dprintf(2, "the shim of chaos: %s: %s (%s)\n", sentence, about == NULL ? "" : about, strerror(errno));
  _exit(97);
}

void journal_open(const char *folder) {
  char path[4200];
  snprintf(inodes, sizeof inodes, "%s/inodes", folder);
  if (syscall(SYS_mkdirat, AT_FDCWD, inodes, 0700) != 0 && errno != EEXIST) journal_die("no folder for inodes", inodes);
  // The next free number: journals of earlier processes stay, because what they wrote may still not be synced.
  for (int number = 1; journal_fd < 0; number++) {
    snprintf(path, sizeof path, "%s/%06d.journal", folder, number);
    journal_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (journal_fd < 0 && errno != EEXIST) journal_die("no journal", path);
  }
}

uint64_t journal_append(struct record record, const char *path, const char *path2, const void *data) {
  record.magic = RECORD_MAGIC;
  record.id = ++last_id;
  record.path_bytes = path == NULL ? 0 : (uint32_t)strlen(path);
  record.path2_bytes = path2 == NULL ? 0 : (uint32_t)strlen(path2);
  struct iovec parts[] = {
      {&record, sizeof record},
      {(void *)path, record.path_bytes},
      {(void *)path2, record.path2_bytes},
      {(void *)data, record.data_bytes},
  };
  size_t bytes = sizeof record + record.path_bytes + record.path2_bytes + record.data_bytes;
  if (syscall(SYS_writev, journal_fd, parts, 4) != (long)bytes) journal_die("the journal cannot be written", path);
  return record.id;
}

void journal_keep(const char *path, uint64_t inode) {
  char kept[4300];
  snprintf(kept, sizeof kept, "%s/%llu", inodes, (unsigned long long)inode);
  if (syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, kept, 0) != 0 && errno != EEXIST) journal_die("cannot be kept", path);
}
