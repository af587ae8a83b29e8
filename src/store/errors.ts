/** What can be wrong with a data directory. Each message is a whole sentence that says what to do. */

/** Where damage was found, and what. */
export interface CorruptionDetails {
  /** The damaged file, relative to the data directory. */
  readonly file: string;
  /** Byte offset in the file; undefined where the whole file (or its absence) is meant. */
  readonly offset?: number;
  /** What was found, as a clause without a full stop. */
  readonly found: string;
  /** What to do instead of the usual, as a clause without a full stop: for files that can be rebuilt. */
  readonly advice?: string;
  readonly cause?: unknown;
}

/**
 * What can be done about a node whose memory is lost, as a clause. Nothing brings back the node itself: an older copy
 * of its directory would forget votes and entries that it has acknowledged since.
 */
export const LOST_ADVICE: string =
  "start a fresh node under a new id on an empty directory with `raftally serve --join`, and then put it in the " +
  "place of this one with `raftally member replace OLD NEW`";

const CORRUPTION_ADVICE: string =
  "this node may have forgotten something it acknowledged, so do not start it again on this directory: " +
  LOST_ADVICE;

/** Something acknowledged is damaged or missing. The node must not serve, vote, or repair it by guessing. */
export class CorruptionError extends Error {
  override readonly name: string = "CorruptionError";
  readonly file: string;
  readonly offset: number | undefined;
  /** What was found, without what to do about it. */
  readonly found: string;

  constructor({ file, offset, found, advice = CORRUPTION_ADVICE, cause }: CorruptionDetails) {
    const place = offset === undefined ? file : `${file} at byte ${offset}`;
    super(`${place}: ${found}; ${advice}.`, cause === undefined ? {} : { cause });
    this.file = file;
    this.offset = offset;
    this.found = found;
  }
}

/** A file was written by a later version of Raftally. Nothing is damaged. */
export class NewerFormatError extends Error {
  override readonly name: string = "NewerFormatError";
  readonly file: string;

  /** @param found what is newer, as a clause without a full stop. */
  constructor(file: string, found: string) {
    super(
      `${file}: ${found}; it was written by a newer version of Raftally, so start that version ` +
        "(going back to an older one is not possible on this directory).",
    );
    this.file = file;
  }
}

/**
 * The disk failed a write, fsync, rename or truncate, or something else made it impossible to know what is on
 * disk. Final: nothing is retried (P12), because after a failed fsync the kernel may have dropped the data and
 * report success the next time.
 */
export class StorageFailure extends Error {
  override readonly name: string = "StorageFailure";

  /** @param doing what was attempted, as in "write log/00000000000000000001.wal". */
  constructor(doing: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`could not ${doing} (${reason}); the process must exit, and a restart reads what is on disk.`, {
      cause,
    });
  }
}

/** Why a data directory cannot be used by this node. */
export type IdentityCode =
  | "otherMembers"
  | "otherCluster"
  | "otherNode"
  | "otherIncarnation"
  | "newerFormat"
  | "unreadable"
  | "unwritable"
  | "alreadyInitialised"
  | "joining"
  | "recovering"
  | "inUse";

/** The data directory is not this node's to use. Nothing was changed. The message is a whole sentence. */
export class IdentityError extends Error {
  override readonly name: string = "IdentityError";
  readonly code: IdentityCode;

  constructor(code: IdentityCode, sentence: string, cause?: unknown) {
    super(sentence, cause === undefined ? {} : { cause });
    this.code = code;
  }
}

/** Why a backup file cannot be used. */
export type BackupCode = "unreadable" | "foreign" | "newerFormat" | "truncated" | "damaged" | "noRoom";

/** A backup file is not whole, or not one, or cannot be unpacked. The message is a whole sentence. */
export class BackupError extends Error {
  override readonly name: string = "BackupError";
  readonly code: BackupCode;

  constructor(code: BackupCode, sentence: string, cause?: unknown) {
    super(sentence, cause === undefined ? {} : { cause });
    this.code = code;
  }
}
