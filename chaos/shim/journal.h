// The undo journal: what each change since the last sync replaced. chaos/shim/journal.ts reads it.
//
// One file for each process, `<number>.journal`, in the folder RAFTALLY_SHIM_JOURNAL; records as below, in the order
// in which the changes were made, each written whole by one call before its change is made. A process that is killed
// may leave the last record short: the change was then not begun. Inodes that lose a name are kept by a hard link in
// `inodes/`, so that the name can be given back.

#ifndef RAFTALLY_SHIM_JOURNAL_H
#define RAFTALLY_SHIM_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#define RECORD_MAGIC 0x314a4652u
#define SECTOR 512ULL

enum kind {
  KIND_WRITE = 1,       // offset, length: whole sectors around what is written; data: what they held
  KIND_TRUNCATE = 2,    // offset: the new length; data: what was held from that sector on
  KIND_SYNC = 3,        // a sync of a file begins; offset, length: the range, length 0: all of it
  KIND_SYNC_FOLDER = 4, // path: the folder
  KIND_SYNCED = 5,      // other: the id of the sync that has succeeded
  KIND_SYNC_FAILED = 6, // other: the id of the sync that has failed
  KIND_CREATE = 7,      // path: a name that was not there before
  KIND_UNLINK = 8,      // path: a name of inode
  KIND_RENAME = 9,      // path, path2; inode: what is renamed; other: the inode that loses its name, or 0
  KIND_MKDIR = 10,      // path
};

struct record {
  uint32_t magic;
  uint32_t kind;
  uint64_t id;
  uint64_t inode;
  uint64_t offset;
  uint64_t length;
  uint64_t old_length;
  uint64_t other;
  uint32_t path_bytes;
  uint32_t path2_bytes;
  uint64_t data_bytes;
};

// Opens the journal of this process; ends the process if that is not possible.
void journal_open(const char *folder);
// Appends one record, with the two paths (or NULL) and the data after it; returns its id.
uint64_t journal_append(struct record record, const char *path, const char *path2, const void *data);
// Keeps the inode behind a path that is about to lose it.
void journal_keep(const char *path, uint64_t inode);
// Ends the process with a sentence: a journal with a gap would make the run worthless.
__attribute__((noreturn)) void journal_die(const char *sentence, const char *about);

#endif
