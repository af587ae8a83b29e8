// What chaos tells a running process, and what it hears back: one shared page. chaos/shim/control.ts has the same
// table, and both must agree. Each slot holds 8 bytes, little-endian.

#ifndef RAFTALLY_SHIM_CONTROL_H
#define RAFTALLY_SHIM_CONTROL_H

#include <stdint.h>

#define CONTROL_MAGIC 0x314c5443594c4652ULL
#define CONTROL_BYTES 4096
#define PATTERN_BYTES 128

// Points at which the process can be made to kill itself.
enum point {
  POINT_NONE = 0,
  POINT_BEFORE_WRITE = 1,
  POINT_AFTER_WRITE = 2,  // written, and not yet synced, also where one call does both (O_DSYNC)
  POINT_BEFORE_SYNC = 3,  // of an fsync or fdatasync: not of a write that is synced by itself
  POINT_AFTER_SYNC = 4,   // durable, and nobody knows it
  POINT_BEFORE_NAME = 5,  // before a rename, unlink, creation or truncation
  POINT_AFTER_NAME = 6,
};

struct control {
  uint64_t magic;
  // Set by chaos.
  uint64_t sync_delay_us;    // each sync takes so much longer
  uint64_t sync_fail_in;     // the nth sync from now fails with EIO, once; 0: none
  uint64_t room;             // files may grow by so many bytes less 1, then ENOSPC; 0: without limit
  uint64_t skip_syncs;       // 1: each sync says that it is done, and nothing happens: a disk that lies
  uint64_t kill_point;       // one of enum point
  uint64_t kill_in;          // the nth time from now that it is reached by a path that fits; 0: never
  uint64_t reserved[9];
  // Counted by the shim.
  uint64_t writes;
  uint64_t syncs;
  uint64_t syncs_failed;
  uint64_t syncs_skipped;
  uint64_t writes_refused;   // with ENOSPC, or cut short before it
  uint64_t names;            // names made, changed or removed
  uint64_t not_modelled;     // calls on the data that the journal cannot undo; any makes a run INVALID
  uint64_t counters[9];
  // Parts of paths, ended by 0; empty fits every path.
  char kill_pattern[PATTERN_BYTES];
  char sync_pattern[PATTERN_BYTES];
};

#endif
