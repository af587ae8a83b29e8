// Names of files: made, changed, removed; and the calls that are not modelled.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

static int open_path(int folder, const char *path, int flags, mode_t mode) {
  char whole[PATH_BYTES];
  bool watched = control != NULL && tracked_resolve(folder, path, whole) && tracked_path(whole);
  if (!watched) {
    int fd = (int)syscall(SYS_openat, folder, path, flags, mode);
    if (control != NULL) tracked_add(fd, (flags & O_APPEND) != 0, false);
    return fd;
  }
  bool makes = (flags & O_CREAT) != 0;
  if (makes || (flags & O_TRUNC) != 0) reach(POINT_BEFORE_NAME, whole);
  pthread_mutex_lock(&order);
  struct stat now;
  bool there = fstatat(AT_FDCWD, whole, &now, 0) == 0;
  // O_SYNC holds the bit of O_DSYNC; a truncation is made after it was written down.
  int fd = (int)syscall(SYS_openat, folder, path, flags & ~(O_SYNC | O_DSYNC | O_TRUNC), mode);
  int error = errno;
  if (fd >= 0) {
    tracked_add(fd, (flags & O_APPEND) != 0, (flags & O_DSYNC) != 0);
    if (makes && !there && fstat(fd, &now) == 0) {
      journal_append((struct record){.kind = KIND_CREATE, .inode = now.st_ino}, whole, NULL, NULL);
      add(&control->names);
    }
    if ((flags & O_TRUNC) != 0 && there && now.st_size > 0) {
      write_down(KIND_TRUNCATE, fd, &now, 0, 0);
      if (syscall(SYS_ftruncate, fd, 0) != 0) journal_die("cannot be emptied", whole);
    }
  }
  pthread_mutex_unlock(&order);
  if (fd >= 0 && makes) reach(POINT_AFTER_NAME, whole);
  errno = error;
  return fd;
}

static mode_t mode_of(int flags, va_list rest) { return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0; }

#define OPEN(name, parameters, folder)                    \
  int name parameters {                                   \
    va_list rest;                                         \
    va_start(rest, flags);                                \
    mode_t mode = mode_of(flags, rest);                   \
    va_end(rest);                                         \
    return open_path(folder, path, flags, mode);          \
  }
OPEN(open, (const char *path, int flags, ...), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD)
OPEN(openat, (int folder, const char *path, int flags, ...), folder)
OPEN(openat64, (int folder, const char *path, int flags, ...), folder)
int __open_2(const char *path, int flags) { return open_path(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_path(AT_FDCWD, path, flags, 0); }
int creat(const char *path, mode_t mode) { return open_path(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int unlinkat(int folder, const char *path, int flags) {
  char whole[PATH_BYTES];
  if (control == NULL || !tracked_resolve(folder, path, whole) || !tracked_path(whole)) {
    return (int)syscall(SYS_unlinkat, folder, path, flags);
  }
  if ((flags & AT_REMOVEDIR) != 0) {
    add(&control->not_modelled);
    return (int)syscall(SYS_unlinkat, folder, path, flags);
  }
  reach(POINT_BEFORE_NAME, whole);
  pthread_mutex_lock(&order);
  struct stat now;
  if (fstatat(AT_FDCWD, whole, &now, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(now.st_mode)) {
    journal_keep(whole, now.st_ino);
    journal_append((struct record){.kind = KIND_UNLINK, .inode = now.st_ino}, whole, NULL, NULL);
  }
  int result = (int)syscall(SYS_unlinkat, folder, path, flags);
  int error = errno;
  pthread_mutex_unlock(&order);
  if (result == 0) {
    add(&control->names);
    reach(POINT_AFTER_NAME, whole);
  }
  errno = error;
  return result;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
  struct stat now;
  bool folder = fstatat(AT_FDCWD, path, &now, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(now.st_mode);
  return unlinkat(AT_FDCWD, path, folder ? AT_REMOVEDIR : 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  char whole[PATH_BYTES], target[PATH_BYTES];
  bool watched = control != NULL && tracked_resolve(from_folder, from, whole) && tracked_resolve(to_folder, to, target) &&
                 (tracked_path(whole) || tracked_path(target));
  struct stat moved, replaced;
  if (watched && (flags != 0 || fstatat(AT_FDCWD, whole, &moved, 0) != 0 || !S_ISREG(moved.st_mode))) {
    add(&control->not_modelled);
    watched = false;
  }
  if (!watched) return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
  reach(POINT_BEFORE_NAME, target);
  pthread_mutex_lock(&order);
  struct record record = {.kind = KIND_RENAME, .inode = moved.st_ino};
  if (fstatat(AT_FDCWD, target, &replaced, 0) == 0) {
    record.other = replaced.st_ino;
    journal_keep(target, replaced.st_ino);
  }
  journal_append(record, whole, target, NULL);
  int result = (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
  int error = errno;
  pthread_mutex_unlock(&order);
  if (result == 0) {
    add(&control->names);
    reach(POINT_AFTER_NAME, target);
  }
  errno = error;
  return result;
}
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
  return renameat2(from_folder, from, to_folder, to, 0);
}
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int mkdirat(int folder, const char *path, mode_t mode) {
  char whole[PATH_BYTES];
  if (control == NULL || !tracked_resolve(folder, path, whole) || !tracked_path(whole)) {
    return (int)syscall(SYS_mkdirat, folder, path, mode);
  }
  reach(POINT_BEFORE_NAME, whole);
  pthread_mutex_lock(&order);
  int result = (int)syscall(SYS_mkdirat, folder, path, mode);
  int error = errno;
  if (result == 0) journal_append((struct record){.kind = KIND_MKDIR}, whole, NULL, NULL);
  pthread_mutex_unlock(&order);
  if (result == 0) reach(POINT_AFTER_NAME, whole);
  errno = error;
  return result;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

// ---- what is not modelled, and counted so that nobody takes a run with it for a proof

static bool watched_fd(int fd) {
  struct stat now;
  return control != NULL && tracked_file(fd, &now) != NULL;
}

static bool watched_path(const char *path) {
  char whole[PATH_BYTES];
  return control != NULL && tracked_resolve(AT_FDCWD, path, whole) && tracked_path(whole);
}

static void unmodelled(bool watched) {
  if (watched) add(&control->not_modelled);
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
  unmodelled((flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0 && fd >= 0 && watched_fd(fd));
  return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
  return mmap64(address, length, protection, flags, fd, offset);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  unmodelled(watched_fd(fd));
  return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}
int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return fallocate64(fd, 0, offset, length) == 0 ? 0 : errno; }
int posix_fallocate(int fd, off_t offset, off_t length) { return posix_fallocate64(fd, offset, length); }
int truncate64(const char *path, off64_t length) {
  unmodelled(watched_path(path));
  return (int)syscall(SYS_truncate, path, length);
}
int truncate(const char *path, off_t length) { return truncate64(path, length); }
int link(const char *from, const char *to) {
  unmodelled(watched_path(to));
  return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int symlink(const char *target, const char *path) {
  unmodelled(watched_path(path));
  return (int)syscall(SYS_symlinkat, target, AT_FDCWD, path);
}
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags) {
  unmodelled(watched_fd(to));
  return syscall(SYS_copy_file_range, from, from_at, to, to_at, length, flags);
}
ssize_t sendfile64(int to, int from, off64_t *offset, size_t length) {
  unmodelled(watched_fd(to));
  return syscall(SYS_sendfile, to, from, offset, length);
}
ssize_t sendfile(int to, int from, off_t *offset, size_t length) { return sendfile64(to, from, offset, length); }
