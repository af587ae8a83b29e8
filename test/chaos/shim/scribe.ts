/**
 * A program to be run under the shim: does to files what a list says, one after the other, and then dies by SIGKILL.
 *
 *     node scribe.ts LIST ROOT
 *
 * Prints one line for each step: `ok`, the number of bytes written, or the code of the error.
 */

import {
  closeSync,
  constants,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

export type Step =
  | {
      readonly do: "write" | "writeDurably";
      readonly file: string;
      readonly at: number;
      readonly text: string;
    }
  | { readonly do: "truncate"; readonly file: string; readonly length: number }
  | {
      readonly do: "fsync" | "fdatasync" | "unlink" | "empty" | "syncFolder" | "mkdir";
      readonly file: string;
    }
  | { readonly do: "rename" | "link"; readonly file: string; readonly to: string };

const [, , list = "", root = ""] = process.argv;

function withFile(
  file: string,
  flags: number | string,
  use: (fd: number) => number | undefined,
): number | undefined {
  const fd = openSync(join(root, file), flags);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function carryOut(step: Step): number | undefined {
  const path = join(root, step.file);
  const flags = constants.O_RDWR | constants.O_CREAT;
  switch (step.do) {
    case "write":
      return withFile(step.file, flags, (fd) => writeSync(fd, step.text, step.at));
    case "writeDurably":
      return withFile(step.file, flags | constants.O_DSYNC, (fd) => writeSync(fd, step.text, step.at));
    case "truncate":
      return withFile(step.file, "r+", (fd) => void ftruncateSync(fd, step.length));
    case "fsync":
    case "syncFolder":
      return withFile(step.file, "r", (fd) => void fsyncSync(fd));
    case "fdatasync":
      return withFile(step.file, "r", (fd) => void fdatasyncSync(fd));
    case "unlink":
      return void unlinkSync(path);
    case "empty":
      return withFile(step.file, "w", () => undefined);
    case "mkdir":
      return void mkdirSync(path);
    case "rename":
      return void renameSync(path, join(root, step.to));
    case "link":
      return void linkSync(path, join(root, step.to));
  }
}

for (const step of JSON.parse(readFileSync(list, "utf8")) as readonly Step[]) {
  let said: string;
  try {
    said = String(carryOut(step) ?? "ok");
  } catch (error) {
    said = (error as NodeJS.ErrnoException).code ?? String(error);
  }
  writeSync(1, `${said}\n`);
}
process.kill(process.pid, "SIGKILL");
