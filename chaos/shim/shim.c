// Stands between a process and its files (LD_PRELOAD), and writes down what power loss could take back; can also make
// syncs slow or fail, fill the disk, and kill the process at an exact point. See docs/testing/power-loss.md.
//
// RAFTALLY_SHIM_ROOT     the folder that is watched
// RAFTALLY_SHIM_JOURNAL  where the undo journal is written, on the same file system
// RAFTALLY_SHIM_CONTROL  the shared page of control.h
//
// One lock is held while a change is written down and made, so that the journal has them in the order in which they
// happened. Syncs run outside of it.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim.h"

struct control *control;
pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

void add(uint64_t *counter) { __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST); }
static uint64_t load(uint64_t *setting) { return __atomic_load_n(setting, __ATOMIC_SEQ_CST); }

__attribute__((constructor)) static void begin(void) {
  const char *root = getenv("RAFTALLY_SHIM_ROOT");
  const char *folder = getenv("RAFTALLY_SHIM_JOURNAL");
  const char *page = getenv("RAFTALLY_SHIM_CONTROL");
  if (root == NULL || folder == NULL || page == NULL) return;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, page, O_RDWR | O_CLOEXEC);
  if (fd < 0) journal_die("no control page", page);
  void *mapped = mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) journal_die("the control page cannot be mapped", page);
  struct control *found = mapped;
  if (found->magic != CONTROL_MAGIC) journal_die("this is no control page", page);
  journal_open(folder);
  tracked_open(root);
  control = found;
}

// Takes one from a countdown; true for whoever takes the last.
static bool counts_down(uint64_t *countdown) {
  uint64_t left = load(countdown);
  while (left != 0) {
    if (__atomic_compare_exchange_n(countdown, &left, left - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return left == 1;
  }
  return false;
}

static bool fits(const char *pattern, const char *path) { return pattern[0] == 0 || strstr(path, pattern) != NULL; }

void reach(enum point point, const char *path) {
  if (load(&control->kill_in) == 0 || load(&control->kill_point) != point) return;
  if (!fits(control->kill_pattern, path) || !counts_down(&control->kill_in)) return;
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

void reach_fd(enum point point, int fd) {
  char path[PATH_BYTES];
  if (load(&control->kill_in) != 0 && tracked_path_of(fd, path)) reach(point, path);
}

// Bytes of a watched file from `from` to `to`, also if it is open for writing only. The caller frees them.
static void *read_old(int fd, uint64_t from, uint64_t to) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int reader = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
  char *bytes = malloc(to - from);
  if (reader < 0 || bytes == NULL) journal_die("what is about to be overwritten cannot be read", link);
  for (uint64_t at = from; at < to;) {
    long got = syscall(SYS_pread64, reader, bytes + (at - from), to - at, at);
    if (got <= 0) journal_die("what is about to be overwritten cannot be read", link);
    at += (uint64_t)got;
  }
  syscall(SYS_close, reader);
  return bytes;
}

void write_down(enum kind kind, int fd, const struct stat *now, uint64_t offset, uint64_t length) {
  uint64_t size = (uint64_t)now->st_size;
  uint64_t from = offset / SECTOR * SECTOR;
  uint64_t to = kind == KIND_TRUNCATE ? size : (offset + length + SECTOR - 1) / SECTOR * SECTOR;
  uint64_t held = to < size ? to : size;
  struct record record = {.kind = kind, .inode = now->st_ino, .old_length = size};
  record.offset = kind == KIND_TRUNCATE ? offset : from;
  record.length = kind == KIND_TRUNCATE ? 0 : to - from;
  void *old = NULL;
  if (held > from) {
    record.data_bytes = held - from;
    old = read_old(fd, from, held);
  }
  journal_append(record, NULL, NULL, old);
  free(old);
}

// ---- syncs

static bool sync_fails(const char *path) {
  if (load(&control->sync_fail_in) == 0 || !fits(control->sync_pattern, path)) return false;
  return counts_down(&control->sync_fail_in);
}

static int sync_file(int fd, const struct stat *now, struct record record, const char *path) {
  char own[PATH_BYTES] = "";
  if (path == NULL) tracked_path_of(fd, own);
  const char *name = path == NULL ? own : path;
  if (load(&control->skip_syncs) != 0) {
    add(&control->syncs_skipped);
    return 0;
  }
  record.inode = now->st_ino;
  pthread_mutex_lock(&order);
  uint64_t id = journal_append(record, path, NULL, NULL);
  pthread_mutex_unlock(&order);
  uint64_t delay = load(&control->sync_delay_us);
  if (delay != 0 && fits(control->sync_pattern, name)) usleep((useconds_t)delay);
  bool fails = sync_fails(name);
  long result = fails ? -1 : syscall(record.length == 0 ? SYS_fsync : SYS_fdatasync, fd);
  int error = fails ? EIO : errno;
  struct record end = {.kind = result == 0 ? KIND_SYNCED : KIND_SYNC_FAILED, .other = id};
  pthread_mutex_lock(&order);
  journal_append(end, NULL, NULL, NULL);
  pthread_mutex_unlock(&order);
  add(result == 0 ? &control->syncs : &control->syncs_failed);
  if (result == 0) reach(POINT_AFTER_SYNC, name);
  errno = error;
  return (int)result;
}

static int sync_fd(int fd, long call) {
  struct stat now;
  const struct file *file = control == NULL ? NULL : tracked_file(fd, &now);
  if (file == NULL) return (int)syscall(call, fd);
  reach_fd(POINT_BEFORE_SYNC, fd);
  char path[PATH_BYTES];
  if (!file->folder) return sync_file(fd, &now, (struct record){.kind = KIND_SYNC}, NULL);
  if (!tracked_path_of(fd, path)) journal_die("a folder without a path", NULL);
  return sync_file(fd, &now, (struct record){.kind = KIND_SYNC_FOLDER}, path);
}

int fsync(int fd) { return sync_fd(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_fd(fd, SYS_fdatasync); }

// ---- writes

// How much of a write has room; the rest of the disk is full.
static uint64_t room_for(uint64_t offset, uint64_t length, uint64_t size) {
  uint64_t room = load(&control->room);
  uint64_t growth = offset + length > size ? offset + length - size : 0;
  if (room == 0 || growth == 0) return length;
  uint64_t granted = growth < room - 1 ? growth : room - 1;
  __atomic_store_n(&control->room, room - granted, __ATOMIC_SEQ_CST);
  if (granted < growth) add(&control->writes_refused);
  return length - (growth - granted);
}

#define PARTS_MAX 64

static ssize_t write_parts(int fd, const struct iovec *parts, int count, off_t at) {
  struct stat now;
  const struct file *file = control == NULL ? NULL : tracked_file(fd, &now);
  if (file == NULL || file->folder || count > PARTS_MAX || count < 0) {
    if (file != NULL && !file->folder) add(&control->not_modelled);
    return at < 0 ? syscall(SYS_writev, fd, parts, count) : syscall(SYS_pwritev, fd, parts, count, at, 0);
  }
  reach_fd(POINT_BEFORE_WRITE, fd);
  pthread_mutex_lock(&order);
  fstat(fd, &now);
  uint64_t offset = at >= 0 ? (uint64_t)at : file->append ? (uint64_t)now.st_size : (uint64_t)lseek(fd, 0, SEEK_CUR);
  struct iovec fitting[PARTS_MAX];
  uint64_t length = 0;
  for (int part = 0; part < count; part++) length += parts[part].iov_len;
  uint64_t left = room_for(offset, length, (uint64_t)now.st_size);
  ssize_t result = -1;
  if (left == 0 && length > 0) {
    errno = ENOSPC;
  } else {
    write_down(KIND_WRITE, fd, &now, offset, left);
    for (int part = 0; part < count; part++) {
      fitting[part] = parts[part];
      if (fitting[part].iov_len > left) fitting[part].iov_len = left;
      left -= fitting[part].iov_len;
    }
    result = at < 0 ? syscall(SYS_writev, fd, fitting, count) : syscall(SYS_pwritev, fd, fitting, count, at, 0);
    add(&control->writes);
  }
  int error = errno;
  if (result > 0) reach_fd(POINT_AFTER_WRITE, fd);
  pthread_mutex_unlock(&order);
  if (result > 0 && file->synced_writes) {
    // What O_DSYNC promises is the range that was written and the length, and so much is noted as durable.
    struct record range = {.kind = KIND_SYNC, .offset = offset, .length = (uint64_t)result};
    if (sync_file(fd, &now, range, NULL) != 0) return -1;
  }
  errno = error;
  return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  struct iovec part = {(void *)bytes, length};
  return write_parts(fd, &part, 1, offset);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }
ssize_t write(int fd, const void *bytes, size_t length) {
  struct iovec part = {(void *)bytes, length};
  struct stat now;
  if (control == NULL || tracked_file(fd, &now) == NULL) return syscall(SYS_write, fd, bytes, length);
  return write_parts(fd, &part, 1, -1);
}
ssize_t writev(int fd, const struct iovec *parts, int count) { return write_parts(fd, parts, count, -1); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  return write_parts(fd, parts, count, offset);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  return write_parts(fd, parts, count, offset);
}

int ftruncate64(int fd, off64_t length) {
  struct stat now;
  const struct file *file = control == NULL ? NULL : tracked_file(fd, &now);
  if (file == NULL) return (int)syscall(SYS_ftruncate, fd, length);
  reach_fd(POINT_BEFORE_NAME, fd);
  pthread_mutex_lock(&order);
  fstat(fd, &now);
  write_down(KIND_TRUNCATE, fd, &now, (uint64_t)length, 0);
  int result = (int)syscall(SYS_ftruncate, fd, length);
  pthread_mutex_unlock(&order);
  if (result == 0) reach_fd(POINT_AFTER_NAME, fd);
  return result;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }
