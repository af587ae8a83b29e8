// Makes each sync of a process take longer (LD_PRELOAD), as a slower disk would: fsync, fdatasync, and writes to files
// that were opened to be written through (O_DSYNC). Unlike chaos/shim it writes nothing down and takes no lock, so that
// what is measured above it is the disk's slowness and nothing else.
//
// RAFTALLY_SLOW_SYNC_US  how much longer, in microseconds

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct timespec delay;

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("RAFTALLY_SLOW_SYNC_US");
  long us = text == NULL ? 0 : atol(text);
  delay.tv_sec = us / 1000000;
  delay.tv_nsec = us % 1000000 * 1000;
}

static ssize_t slowed(ssize_t result) {
  int error = errno;
  struct timespec left = delay;
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
  errno = error;
  return result;
}

// O_SYNC holds the bit of O_DSYNC.
static bool writes_through(int fd) {
  long flags = syscall(SYS_fcntl, fd, F_GETFL);
  return flags >= 0 && (flags & O_DSYNC) != 0;
}

static ssize_t written(int fd, ssize_t result) { return result > 0 && writes_through(fd) ? slowed(result) : result; }

int fsync(int fd) { return (int)slowed(syscall(SYS_fsync, fd)); }
int fdatasync(int fd) { return (int)slowed(syscall(SYS_fdatasync, fd)); }

ssize_t write(int fd, const void *bytes, size_t length) { return written(fd, syscall(SYS_write, fd, bytes, length)); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
  return written(fd, syscall(SYS_writev, fd, parts, count));
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  return written(fd, syscall(SYS_pwrite64, fd, bytes, length, offset));
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  return written(fd, syscall(SYS_pwritev, fd, parts, count, offset, 0));
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  return pwritev64(fd, parts, count, offset);
}
