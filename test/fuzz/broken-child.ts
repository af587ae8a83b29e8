/** A child that does not live to tell, for the tests of who watches it: `die` or `hang` at its fourth input. */

import { writeFileSync } from "node:fs";
import type { ChildJob } from "./child.ts";

const { at, from, target } = JSON.parse(process.argv[2] ?? "{}") as ChildJob;
const ordinal = Buffer.alloc(8);
ordinal.writeBigUInt64LE(BigInt(from + 3));
writeFileSync(at, ordinal);
if (target === "die") process.kill(process.pid, "SIGKILL");
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
