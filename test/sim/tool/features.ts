/**
 * How each part of a profile is made harmless. A minimised case has only those features that it needs, and a case
 * that was written down before a feature existed has it off. Whoever adds to the profile adds a line here.
 */

import { LIMITS } from "../../../src/counter/index.ts";
import { NODE_SETTINGS, RAFT_SETTINGS } from "../../../src/node/index.ts";
import type { Profile } from "../profile.ts";

/** What turns a feature off; `size` for what is no fault but a measure, which other faults need. */
type Off = Partial<Profile> | "size";

export const FEATURES: Readonly<Record<keyof Profile, Off>> = {
  length: "size",
  nodes: "size",
  clients: "size",
  thinkMs: "size",
  keys: "size",
  faultyMs: "size",
  operators: "size",
  tickMs: { tickMs: 10 },
  stallMs: "size",
  replayMs: "size",
  loss: { loss: 0 },
  duplicate: { duplicate: 0 },
  tail: { tail: 0 },
  delayMs: { delayMs: 1 },
  replayOld: { replayOld: 0 },
  codec: { codec: false },
  diskMs: { diskMs: 0.5 },
  stall: { stall: 0 },
  partitionEveryMs: { partitionEveryMs: 0 },
  churnEveryMs: { churnEveryMs: 0 },
  clogEveryMs: { clogEveryMs: 0 },
  drift: { drift: false },
  freezeEveryMs: { freezeEveryMs: 0 },
  wallClockEveryMs: { wallClockEveryMs: 0 },
  dieInstalling: { dieInstalling: 0 },
  crashEveryMs: { crashEveryMs: 0 },
  dieEveryMs: { dieEveryMs: 0 },
  dieRecovering: { dieRecovering: 0 },
  troubleEveryMs: { troubleEveryMs: 0 },
  rotEveryMs: { rotEveryMs: 0 },
  sqlite: { sqlite: false },
  segmentBytes: { segmentBytes: 1_000_000 },
  pauseEveryMs: { pauseEveryMs: 0 },
  transferEveryMs: { transferEveryMs: 0 },
  stopEveryMs: { stopEveryMs: 0 },
  snapshotFails: { snapshotFails: 0 },
  snapshotLost: { snapshotLost: 0 },
  snapshotMs: { snapshotMs: 2 },
  changeEveryMs: { changeEveryMs: 0 },
  interrupt: { interrupt: 0 },
  announce: { announce: 0 },
  awayEveryMs: { awayEveryMs: 0 },
  retireMs: "size",
  wipeEveryMs: { wipeEveryMs: 0 },
  limits: { limits: LIMITS },
  raft: { raft: RAFT_SETTINGS },
  node: { node: NODE_SETTINGS },
};

/** The profile with everything off that can be. */
export function calm(profile: Profile): Profile {
  const off = Object.values(FEATURES).filter((feature) => feature !== "size");
  return Object.assign({}, profile, ...off) as Profile;
}

/** What would still have to be turned off in this profile, one by one, by the name of the feature. */
export function featuresOf(
  profile: Profile,
): readonly { readonly name: string; readonly off: Partial<Profile> }[] {
  return Object.entries(FEATURES).flatMap(([name, off]) => {
    if (off === "size") return [];
    const isOff = Object.entries(off).every(([key, value]) => {
      return JSON.stringify(profile[key as keyof Profile]) === JSON.stringify(value);
    });
    return isOff ? [] : [{ name, off }];
  });
}
