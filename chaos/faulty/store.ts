/** A store around another one, which tells a fuse where it is. */

import type { IncomingSnapshot, NodeStore } from "../../src/store/index.ts";
import type { Fuse } from "./fuse.ts";
import type { NodePoint } from "./points.ts";

type LogWrite = Parameters<NodeStore["write"]>[0];

export function faultyStore(store: NodeStore, fuse: Fuse): NodeStore {
  fuse.reach("afterRecovery");
  let { term, vote } = store.recovered.hardState;
  const isVote = ({ hardState }: LogWrite): boolean => {
    if (hardState === undefined || (hardState.term === term && hardState.vote === vote)) return false;
    ({ term, vote } = hardState);
    return true;
  };
  return {
    recovered: store.recovered,
    write: async (write) => {
      fuse.reach("beforeWrite");
      await store.write(write);
      if (isVote(write)) fuse.reach("afterVoteWrite");
      for (const point of pointsOf(write)) fuse.reach(point);
    },
    apply: async (entries, wantOutcomes) => {
      fuse.reach("beforeApply");
      const applied = await store.apply(entries, wantOutcomes);
      fuse.reach("afterApply");
      return applied;
    },
    query: (queries) => store.query(queries),
    totals: () => store.totals(),
    digests: () => store.digests(),
    takeSnapshot: async () => {
      const manifest = await store.takeSnapshot();
      fuse.reach("afterSnapshot");
      return manifest;
    },
    restore: async (meta) => {
      const applied = await store.restore(meta);
      fuse.reach("afterRestore");
      return applied;
    },
    latestSnapshot: () => store.latestSnapshot(),
    holdSnapshot: (meta) => store.holdSnapshot(meta),
    releaseSnapshot: (meta) => store.releaseSnapshot(meta),
    verifySnapshot: (meta) => store.verifySnapshot(meta),
    receiveSnapshot: async (manifest) => faultyIncoming(await store.receiveSnapshot(manifest), fuse),
    diskBytes: () => store.diskBytes(),
    logWritten: () => store.logWritten(),
    close: () => store.close(),
  };
}

/** Where a write has come to when it is durable. */
function pointsOf({ append, compact, install }: LogWrite): readonly NodePoint[] {
  return [
    ...(append.length > 0 ? (["afterWrite"] as const) : []),
    ...(compact === undefined ? [] : (["afterCompacting"] as const)),
    ...(install === undefined ? [] : (["afterInstallWrite"] as const)),
  ];
}

function faultyIncoming(incoming: IncomingSnapshot, fuse: Fuse): IncomingSnapshot {
  return {
    get offset() {
      return incoming.offset;
    },
    write: async (chunk) => {
      await incoming.write(chunk);
      fuse.reach("whileReceiving");
    },
    finish: async () => {
      const whole = await incoming.finish();
      if (whole) fuse.reach("afterReceiving");
      return whole;
    },
    abandon: () => incoming.abandon(),
  };
}
