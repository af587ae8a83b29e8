/** One process for each data directory. */

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { IdentityError } from "./errors.ts";

/** The file that is locked. Nothing is ever written to it. */
export const LOCK_FILE = "lock";

export interface DirectoryLock {
  readonly directory: string;
  /** Lets another process in. Harmless when repeated. */
  release(): void;
}

/**
 * Takes a data directory for this process until it releases it or dies, creating the directory where missing.
 *
 * The lock is an exclusive transaction on an empty SQLite file: the kernel releases it with the process,
 * however that ends, so there is no stale lock to clear away. No other code may open this file, because
 * closing any descriptor of it would release the lock (a rule of POSIX locks).
 * @throws {IdentityError} another process has it, or the directory cannot be written.
 */
export function lockDirectory(directory: string): DirectoryLock {
  let database: Database.Database | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    database = new Database(join(directory, LOCK_FILE), { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    if ((cause as { code?: unknown }).code === "SQLITE_BUSY") {
      throw new IdentityError(
        "inUse",
        `${directory} is in use by another process; stop that one first, or name another data directory.`,
        cause,
      );
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new IdentityError(
      "unwritable",
      `${directory} cannot be written (${reason}); give this user the right to write there, or name another directory.`,
      cause,
    );
  }
  const held = database;
  return { directory, release: () => void held.close() };
}

/**
 * Whether another process has a data directory right now. Makes nothing; false where it cannot be known.
 * Not to be asked by the process that has it: see {@link lockDirectory} on closing the file.
 */
export function isInUse(directory: string): boolean {
  if (!existsSync(join(directory, LOCK_FILE))) return false;
  try {
    lockDirectory(directory).release();
    return false;
  } catch (error) {
    return error instanceof IdentityError && error.code === "inUse";
  }
}
