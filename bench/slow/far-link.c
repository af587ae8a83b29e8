// TCP proxies whose bytes arrive later, as from far away, and no slower: a process of its own, which waits for the exact
// moment (a timer of Node.js is late by up to 2 ms, and busy waiting would take a core from what is measured).
//
// far-link MICROSECONDS   how much later each byte arrives, in each direction
// stdin: "PORT TARGET\n"  listen at 127.0.0.1:PORT for 127.0.0.1:TARGET; answered by "ok\n" or by the reason
// It ends with its stdin.

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES (64 * 1024)
// What may be on its way in one direction: 64 MB in 25 ms are 2.6 GB/s, more than loopback carries.
#define HELD_BYTES_MAX (64 * 1024 * 1024)
#define EVENTS 64

struct chunk {
  struct chunk *next;
  uint64_t due;
  size_t length, sent;
  char bytes[];
};

// What one side has said and the other has not heard. A chunk of length 0 is the end.
struct way {
  struct chunk *head, **tail;
  size_t held;
  bool ended, full, blocked, done;
};

// ways[0] leads from fds[0] to fds[1].
struct pair {
  struct pair *next;
  int fds[2];
  struct way ways[2];
  bool broken;
};

enum kind { STDIN, TIMER, LISTENER, NEAR, FAR };

struct source {
  enum kind kind;
  int fd;
  uint16_t target;
  struct pair *pair;
};

static int poll_fd, timer_fd;
static uint64_t delay_ns;
static struct pair *pairs;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct sockaddr_in loopback(uint16_t port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void watch(int fd, struct source source, uint32_t events) {
  struct source *kept = malloc(sizeof *kept);
  if (kept == NULL) die("malloc");
  *kept = source;
  struct epoll_event event = {.events = events, .data.ptr = kept};
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

// ---- connections

static void open_pair(int listener, uint16_t target) {
  int near = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (near < 0) return;
  int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = loopback(target);
  if (far < 0 || connect(far, (struct sockaddr *)&address, sizeof address) != 0) {
    // Nobody there: who dials shall not believe that anybody was.
    struct linger reset = {.l_onoff = 1};
    setsockopt(near, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(near);
    if (far >= 0) close(far);
    return;
  }
  int on = 1;
  setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct pair *pair = calloc(1, sizeof *pair);
  if (pair == NULL) die("calloc");
  pair->fds[0] = near;
  pair->fds[1] = far;
  for (int side = 0; side < 2; side++) pair->ways[side].tail = &pair->ways[side].head;
  pair->next = pairs;
  pairs = pair;
  // Edges: whoever is told that there is something reads until there is nothing, or until too much is held.
  uint32_t events = EPOLLIN | EPOLLOUT | EPOLLET;
  watch(near, (struct source){.kind = NEAR, .fd = near, .pair = pair}, events);
  watch(far, (struct source){.kind = FAR, .fd = far, .pair = pair}, events);
}

static void take_in(struct pair *pair, int side) {
  struct way *way = &pair->ways[side];
  while (!way->ended) {
    way->full = way->held >= HELD_BYTES_MAX;
    if (way->full) return;
    struct chunk *chunk = malloc(sizeof *chunk + CHUNK_BYTES);
    if (chunk == NULL) die("malloc");
    ssize_t got = recv(pair->fds[side], chunk->bytes, CHUNK_BYTES, MSG_DONTWAIT);
    if (got < 0) {
      free(chunk);
      if (errno != EAGAIN && errno != EINTR) pair->broken = true;
      return;
    }
    struct chunk *fitting = realloc(chunk, sizeof *chunk + (size_t)got);
    if (fitting != NULL) chunk = fitting;
    *chunk = (struct chunk){.due = now_ns() + delay_ns, .length = (size_t)got};
    *way->tail = chunk;
    way->tail = &chunk->next;
    way->held += (size_t)got;
    way->ended = got == 0;
  }
}

// Passes on what is due; gives when the next is, or 0.
static uint64_t pass_on(struct pair *pair, int side, uint64_t now) {
  struct way *way = &pair->ways[side];
  int to = pair->fds[1 - side];
  while (way->head != NULL && !way->blocked) {
    struct chunk *chunk = way->head;
    if (chunk->due > now) return chunk->due;
    if (chunk->length == 0) {
      shutdown(to, SHUT_WR);
      way->done = true;
    } else {
      ssize_t put = send(to, chunk->bytes + chunk->sent, chunk->length - chunk->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (put < 0) {
        if (errno == EAGAIN) way->blocked = true;
        else if (errno != EINTR) pair->broken = true;
        if (pair->broken) return 0;
        continue;
      }
      chunk->sent += (size_t)put;
      way->held -= (size_t)put;
      if (chunk->sent < chunk->length) continue;
      way->head = chunk->next;
      if (way->head == NULL) way->tail = &way->head;
      free(chunk);
      if (way->full) take_in(pair, side);
      continue;
    }
    way->head = NULL;
    way->tail = &way->head;
    free(chunk);
  }
  return 0;
}

// Its two sources stay allocated: an event for them may lie in the list that is being gone through.
static void close_pair(struct pair *pair) {
  for (int side = 0; side < 2; side++) {
    struct linger reset = {.l_onoff = pair->broken};
    setsockopt(pair->fds[side], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(pair->fds[side]);
    for (struct chunk *chunk = pair->ways[side].head, *next; chunk != NULL; chunk = next) {
      next = chunk->next;
      free(chunk);
    }
    pair->ways[side].head = NULL;
    pair->fds[side] = -1;
  }
}

static void pass_all(void) {
  uint64_t now = now_ns(), next = 0;
  for (struct pair **at = &pairs; *at != NULL;) {
    struct pair *pair = *at;
    for (int side = 0; side < 2 && !pair->broken; side++) {
      uint64_t due = pass_on(pair, side, now);
      if (due != 0 && (next == 0 || due < next)) next = due;
    }
    if (!pair->broken && !(pair->ways[0].done && pair->ways[1].done)) {
      at = &pair->next;
      continue;
    }
    // The pair itself stays allocated too, and is small: there are as many as connections were ever made.
    *at = pair->next;
    close_pair(pair);
  }
  struct itimerspec when = {.it_value = {.tv_sec = (time_t)(next / 1000000000), .tv_nsec = (long)(next % 1000000000)}};
  if (timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL) != 0) die("timerfd_settime");
}

// ---- commands

static const char *serve(uint16_t port, uint16_t target) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) return strerror(errno);
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = loopback(port);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 64) != 0) {
    const char *why = strerror(errno);
    close(listener);
    return why;
  }
  watch(listener, (struct source){.kind = LISTENER, .fd = listener, .target = target}, EPOLLIN);
  return "ok";
}

static void obey(void) {
  static char line[64];
  static size_t held;
  ssize_t got = read(STDIN_FILENO, line + held, sizeof line - 1 - held);
  if (got == 0) exit(0);
  if (got < 0) return;
  held += (size_t)got;
  line[held] = 0;
  for (char *end; (end = strchr(line, '\n')) != NULL;) {
    unsigned port, target;
    if (sscanf(line, "%u %u", &port, &target) != 2 || port > 65535 || target > 65535) exit(2);
    puts(serve((uint16_t)port, (uint16_t)target));
    held -= (size_t)(end + 1 - line);
    memmove(line, end + 1, held + 1);
  }
  if (held == sizeof line - 1) exit(2);
}

static void handle(struct source *source, uint32_t events) {
  uint64_t expirations;
  switch (source->kind) {
    case STDIN: return obey();
    case TIMER: {
      if (read(source->fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN) die("timer");
      return;
    }
    case LISTENER: return open_pair(source->fd, source->target);
    case NEAR:
    case FAR: {
      int side = source->kind == FAR;
      if (source->pair->fds[side] < 0) return;
      if ((events & EPOLLERR) != 0) source->pair->broken = true;
      if ((events & EPOLLOUT) != 0) source->pair->ways[1 - side].blocked = false;
      if ((events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP)) != 0) take_in(source->pair, side);
      return;
    }
  }
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  delay_ns = strtoull(arguments[1], NULL, 10) * 1000;
  setvbuf(stdout, NULL, _IOLBF, 0);
  // Ctrl-C reaches the whole group; whoever has started this one ends it in time.
  signal(SIGINT, SIG_IGN);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (poll_fd < 0 || timer_fd < 0) die("epoll");
  watch(STDIN_FILENO, (struct source){.kind = STDIN, .fd = STDIN_FILENO}, EPOLLIN);
  watch(timer_fd, (struct source){.kind = TIMER, .fd = timer_fd}, EPOLLIN);
  for (;;) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(poll_fd, events, EVENTS, -1);
    if (ready < 0 && errno != EINTR) die("epoll_wait");
    for (int at = 0; at < ready; at++) handle(events[at].data.ptr, events[at].events);
    pass_all();
  }
}
