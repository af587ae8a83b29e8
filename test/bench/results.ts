/** Results that nobody measured. */

import type { Figures, Result, Sample, Series } from "../../bench/types.ts";

export function sampleOf(figures: Figures): Sample {
  return { figures, check: { about: "the sum", acknowledged: 10n, found: 10n, underway: 0 } };
}

/** A series whose rate was this in each round; undefined where it failed. */
export function seriesOf(name: string, rates: readonly (number | undefined)[]): Series {
  return {
    series: name,
    id: name.split("/")[1] ?? "",
    about: `what ${name} does`,
    connections: 64,
    keys: 1,
    rounds: rates.map((rate) =>
      rate === undefined
        ? { outcome: "failed", reason: "it broke" }
        : { outcome: "measured", sample: sampleOf({ rate, p50: 1_000 / rate }) },
    ),
  };
}

export function resultOf(...series: readonly Series[]): Result {
  return {
    format: 1,
    began: "2026-11-21T12:00:00.000Z",
    tookSeconds: 61,
    command: "npm run bench",
    quick: false,
    rounds: 3,
    secondsPerWorkload: 5,
    world: { fsyncMs: 0, rttMs: 0 },
    machine: {
      cpu: "A <fast> CPU",
      cores: 2,
      memoryGb: 8,
      kernel: "linux 6",
      distribution: "Debian",
      filesystem: "ext4",
      loadBefore: 0.1,
    },
    versions: { "Node.js": "v24" },
    participants: [
      {
        id: "raftally",
        name: "Raftally",
        about: "three nodes",
        packages: [],
        availability: { available: true, version: "Raftally 1" },
      },
      {
        id: "etcd",
        name: "etcd",
        about: "three members",
        packages: ["etcd-server"],
        availability: { available: false, reason: "etcd is not installed" },
      },
    ],
    series,
    targets: [
      {
        id: "hot-key",
        about: "one hot key",
        bars: [
          {
            figure: { series: "raftally/hot-key", figure: "rate" },
            is: "at least",
            least: 3.5,
            aim: 5,
            times: { series: "etcd/put", figure: "rate" },
          },
        ],
      },
    ],
  };
}
