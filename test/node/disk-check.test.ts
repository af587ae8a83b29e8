import { expect, it } from "vitest";
import { diskCheck } from "../../src/node/disk-check.ts";

const ROOM = { freeBytes: 50e9, totalBytes: 100e9 };

it.each([
  [0, ROOM, true, "50.0 GB of 100 GB are free"],
  [0, { freeBytes: 9e9, totalBytes: 100e9 }, true, "nearly full: 9.00 GB of 100 GB are free"],
  [0, { freeBytes: 4e6, totalBytes: 100e9 }, false, "full: 4.00 MB of 100 GB are free"],
  [0, undefined, true, "how much room is left is not known"],
  [1_000, ROOM, true, "50.0 GB of 100 GB are free"],
  [2_340, ROOM, false, "a write to the log has been waiting for 2.3 s"],
])("a write that waits %d ms on a disk with %j: ok %s, %s", (writeAgeMs, diskSpace, ok, detail) => {
  expect(diskCheck({ writeAgeMs, diskSpace })).toEqual({ name: "disk", ok, detail });
});
