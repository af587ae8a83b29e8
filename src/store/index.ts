/**
 * What a node remembers: who it is, its log, its counters, its snapshots. Formats, and what a crash at any
 * point leaves behind, are in DESIGN.md.
 *
 *     const data = await openDirectory({ directory, clusterId, id, members })  // who it was, or is from now on
 *     await data.pinMember(peer, incarnation)                                  // first start: meet everyone
 *     const store = await data.openStore({ onFailure: die })
 *     new Raft({ ...store.recovered, … })                                   // go on from there
 *
 * A node that joins a cluster begins with `joinDirectory` instead. `writeBackup` and `readBackup` make and verify backup
 * files; `restoreBackup` and `recoverDirectory` make the first node of a new cluster, from a backup or from a surviving
 * directory of one that has lost its majority.
 *
 * Queries that may have to look at every counter (`ScanQuery`) are answered in a thread of their own and end in `tooMuch`
 * rather than take longer than 2 s. What changed lately is kept in memory for those who follow (`ChangeHistory`).
 *
 * What the log, a manifest and the state are as bytes and rows is also given out as functions without input or output
 * (`LogReader`, `recordsOf`, `encodeBatch`, `planRepair`, …), for whoever keeps them elsewhere than on a disk, as the
 * simulator does.
 *
 * Duties of the caller: write before speaking (`write` resolves when durable), apply in order, compact only
 * up to a snapshot that `takeSnapshot` gave. When any call rejects the disk has failed: answer what is
 * pending as unknown and exit; nothing is retried (P12).
 */

export { readBackup, writeBackup } from "./backup.ts";
export { ChangeHistory } from "./change-history.ts";
export { type DataDirectory, type OpenDirectoryOptions, openDirectory } from "./directory.ts";
export {
  type BackupCode,
  BackupError,
  CorruptionError,
  type IdentityCode,
  IdentityError,
  LOST_ADVICE,
  NewerFormatError,
  StorageFailure,
} from "./errors.ts";
export {
  type ExpectedIdentity,
  holdsNothing,
  type InitialMember,
  type InitOptions,
  initIdentity,
  initialBase,
  loadIdentity,
} from "./identity.ts";
export { IdentityFile } from "./identity-file.ts";
export { isClusterId } from "./identity-json.ts";
export { type DirectoryReport, inspectDirectory } from "./inspect.ts";
export {
  type JoinDirectoryOptions,
  type JoiningDirectory,
  joinDirectory,
  type MemberDirectory,
} from "./join.ts";
export { type DirectoryLock, isInUse, lockDirectory } from "./lock.ts";
export { type OpenStoreOptions, openStore } from "./open.ts";
export { type Found, planRepair, type Repair, repairedLog, withKnownCommit } from "./recover.ts";
export { type RecoverOptions, type RecoveryOutlook, recoverDirectory, recoveryOutlook } from "./recovery.ts";
export { type RestoreOptions, restoreBackup } from "./restore.ts";
export { answerScan, isScanQuery, type RowSource } from "./scan.ts";
export { decodeManifest, encodeManifest } from "./snapshot-manifest.ts";
export { createState, MetaWriter, readMeta, type StateMeta, verifyRows } from "./sqlite-schema.ts";
export { SqliteTable } from "./sqlite-table.ts";
export type {
  Applied,
  BackupManifest,
  BackupStream,
  CounterChange,
  GroupSum,
  Identity,
  IncomingSnapshot,
  JoiningIdentity,
  KnownMember,
  LocalSnapshot,
  LogWritten,
  NodeStore,
  Query,
  QueryAnswer,
  QueryAnswers,
  Recovered,
  Recovery,
  Restored,
  ScanOrder,
  ScanQuery,
  SnapshotManifest,
  StateDigest,
} from "./types.ts";
export { recordsOf } from "./wal.ts";
export type { WalOwner } from "./wal-format.ts";
export { type LogOnDisk, LogReader } from "./wal-read.ts";
export { encodeBatch, encodeSegment, type SegmentStart } from "./wal-segment.ts";
export { LogShape } from "./wal-shape.ts";
