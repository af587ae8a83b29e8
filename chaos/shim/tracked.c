#define _GNU_SOURCE
#include "tracked.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "journal.h"

#define FILES_MAX 4096

static struct file files[FILES_MAX];
static char root[PATH_BYTES];
static size_t root_bytes;

void tracked_open(const char *folder) {
  if (realpath(folder, root) == NULL) journal_die("no such folder", folder);
  root_bytes = strlen(root);
}

bool tracked_path(const char *path) {
  if (root_bytes == 0 || strncmp(path, root, root_bytes) != 0) return false;
  if (path[root_bytes] != '/' && path[root_bytes] != 0) return false;
  // It is mapped, not written, and made anew by whoever opens the database first.
  size_t bytes = strlen(path);
  return bytes < 4 || strcmp(path + bytes - 4, "-shm") != 0;
}

bool tracked_path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t bytes = readlink(link, path, PATH_BYTES - 1);
  if (bytes < 0) return false;
  path[bytes] = 0;
  return true;
}

bool tracked_resolve(int folder, const char *path, char *whole) {
  char joined[2 * PATH_BYTES];
  char base[PATH_BYTES] = ".";
  if (path[0] != '/' && folder != AT_FDCWD && !tracked_path_of(folder, base)) return false;
  snprintf(joined, sizeof joined, "%s%s%s", path[0] == '/' ? "" : base, path[0] == '/' ? "" : "/", path);
  size_t bytes = strlen(joined);
  while (bytes > 1 && joined[bytes - 1] == '/') joined[--bytes] = 0;
  char *last = strrchr(joined, '/');
  if (last == NULL) return false;
  *last = 0;
  char real[PATH_BYTES];
  if (realpath(joined[0] == 0 ? "/" : joined, real) == NULL) return false;
  return snprintf(whole, PATH_BYTES, "%s/%s", real, last + 1) < PATH_BYTES;
}

void tracked_add(int fd, bool append, bool synced_writes) {
  if (fd < 0) return;
  char path[PATH_BYTES];
  struct stat now;
  bool watched = tracked_path_of(fd, path) && tracked_path(path) && fstat(fd, &now) == 0 &&
                 (S_ISREG(now.st_mode) || S_ISDIR(now.st_mode));
  if (fd >= FILES_MAX) {
    if (watched) journal_die("too many open files", path);
    return;
  }
  files[fd].used = watched;
  if (!watched) return;
  files[fd].folder = S_ISDIR(now.st_mode);
  files[fd].append = append;
  files[fd].synced_writes = synced_writes;
  files[fd].device = now.st_dev;
  files[fd].inode = now.st_ino;
}

const struct file *tracked_file(int fd, struct stat *now) {
  if (fd < 0 || fd >= FILES_MAX || !files[fd].used) return NULL;
  if (fstat(fd, now) != 0 || now->st_dev != files[fd].device || now->st_ino != files[fd].inode) {
    files[fd].used = false;
    return NULL;
  }
  return &files[fd];
}
