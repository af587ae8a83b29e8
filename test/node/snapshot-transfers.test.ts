import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SnapshotTransfers } from "../../src/node/snapshot-transfers.ts";
import { index, initialMeta, type NodeId, nodeId, type SnapshotMeta, term } from "../../src/raft/index.ts";
import type { IncomingSnapshot, NodeStore, SnapshotManifest } from "../../src/store/index.ts";
import type { Packet, SnapshotOffer, Transport } from "../../src/transport/index.ts";
import { until } from "./machines.ts";

const PEER = nodeId("n2");
const OTHER = nodeId("n3");

function metaAt(at: number): SnapshotMeta {
  const voters = { voters: [], outgoing: [], learners: [], members: [], removed: [] };
  return { ...initialMeta(voters), index: index(at), term: term(1) };
}

function manifestAt(at: number): SnapshotManifest {
  return { format: 1, clusterId: "c", meta: metaAt(at), bytes: 10, sha256: "0".repeat(64), digest: 1 };
}

function offerAt(at: number, token: string): SnapshotOffer {
  const { meta, bytes, sha256, digest } = manifestAt(at);
  return { meta, bytes, sha256, digest, token };
}

/** The sides of a transfer that touch the world, as far as transfers use them. */
class World {
  readonly sent: { readonly to: NodeId; readonly packet: Packet }[] = [];
  readonly withdrawn: string[] = [];
  readonly released: number[] = [];
  readonly received: number[] = [];
  readonly ended: (readonly [to: NodeId, ok: boolean])[] = [];
  readonly alive: NodeId[] = [];
  readonly doubted: (readonly [peer: NodeId, at: number])[] = [];
  readonly fetches: {
    readonly from: NodeId;
    readonly end: (whole: boolean) => void;
    readonly signal: AbortSignal;
    readonly write: () => Promise<void>;
  }[] = [];
  readonly transfers: SnapshotTransfers;
  /** Bytes that were sent of each offer. */
  sentBytes = 0;
  #tokens = 0;

  constructor(latest: SnapshotManifest | undefined) {
    const incoming: IncomingSnapshot = {
      offset: 0,
      write: () => Promise.resolve(),
      finish: () => Promise.resolve(true),
      abandon: () => Promise.resolve(),
    };
    const store: Pick<NodeStore, "latestSnapshot" | "holdSnapshot" | "releaseSnapshot" | "receiveSnapshot"> =
      {
        latestSnapshot: () => latest,
        holdSnapshot: () => "path",
        releaseSnapshot: ({ index: at }) => void this.released.push(at),
        receiveSnapshot: () => Promise.resolve(incoming),
      };
    const transport: Pick<Transport, "send" | "offer" | "withdraw" | "sentBytes" | "fetchSnapshot"> = {
      send: (to, packet) => void this.sent.push({ to, packet }),
      offer: () => `token${++this.#tokens}`,
      withdraw: (token) => void this.withdrawn.push(token),
      sentBytes: () => this.sentBytes,
      fetchSnapshot: (from, _offer, sink, signal) =>
        new Promise((resolve) => {
          this.fetches.push({ from, signal, end: resolve, write: () => sink.write(new Uint8Array(1)) });
          signal.addEventListener("abort", () => resolve(false));
        }),
    };
    this.transfers = new SnapshotTransfers({
      clusterId: "c",
      store: store as NodeStore,
      transport: transport as Transport,
      onReceived: ({ index: at }) => this.received.push(at),
      onSent: (to, ok) => this.ended.push([to, ok]),
      onProgress: (to) => this.alive.push(to),
      onDoubt: ({ index: at }, peer) => this.doubted.push([peer, at]),
      onFatal: (error) => {
        throw error;
      },
    });
  }

  take(): { readonly to: NodeId; readonly packet: Packet }[] {
    return this.sent.splice(0);
  }
}

let world: World;
beforeEach(() => {
  world = new World(manifestAt(7));
});
afterEach(() => {
  world.transfers.close();
  vi.useRealTimers();
});

describe("the sender of a snapshot", () => {
  it("says its offer again when the link to the peer stands again, and never after its end", () => {
    world.transfers.send(PEER, metaAt(5));
    const [offer] = world.take();
    expect(offer).toMatchObject({
      to: PEER,
      packet: { kind: "snapshotOffer", offer: { meta: { index: 7 }, token: "token1" } },
    });
    world.transfers.reachable(OTHER);
    expect(world.take()).toEqual([]);
    world.transfers.reachable(PEER);
    expect(world.take()).toEqual([offer]);
    world.transfers.result(PEER, metaAt(7), true);
    world.transfers.result(PEER, metaAt(7), true);
    expect([world.ended, world.withdrawn, world.released]).toEqual([[[PEER, true]], ["token1"], [7]]);
    world.transfers.reachable(PEER);
    expect(world.take()).toEqual([]);
  });

  it("ends the transfer when the link breaks, and takes no word on another snapshot for its end", () => {
    world.transfers.send(PEER, metaAt(5));
    world.transfers.result(PEER, metaAt(6), false);
    world.transfers.result(OTHER, metaAt(7), false);
    expect(world.ended).toEqual([]);
    world.transfers.unreachable(PEER);
    world.transfers.unreachable(PEER);
    expect([world.ended, world.withdrawn, world.released]).toEqual([[[PEER, false]], ["token1"], [7]]);
  });

  it("knows how much of it was sent, until it ends", () => {
    expect(world.transfers.sendingTo(PEER)).toBeUndefined();
    world.transfers.send(PEER, metaAt(5));
    world.sentBytes = 4;
    expect(world.transfers.sendingTo(PEER)).toEqual({ index: 7, share: 0.4 });
    world.transfers.result(PEER, metaAt(7), true);
    expect(world.transfers.sendingTo(PEER)).toBeUndefined();
  });

  it("has nothing to offer when its snapshot is older than what the peer needs", () => {
    world.transfers.send(PEER, metaAt(8));
    expect([world.ended, world.sent]).toEqual([[[PEER, false]], []]);
  });
});

describe("transfers that fail", () => {
  /** Sends, and hears that the peer could do nothing with it. */
  function fail(): void {
    world.transfers.send(PEER, metaAt(5));
    world.transfers.result(PEER, metaAt(7), false);
  }

  it("are tried again after a pause that doubles with each, up to ten seconds", async () => {
    vi.useFakeTimers();
    for (const pauseMs of [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]) {
      fail();
      await vi.advanceTimersByTimeAsync(pauseMs - 1);
      expect(world.ended).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      expect(world.ended.splice(0)).toEqual([[PEER, false]]);
    }
    // One that succeeds forgets them.
    world.transfers.send(PEER, metaAt(5));
    world.transfers.result(PEER, metaAt(7), true);
    fail();
    await vi.advanceTimersByTimeAsync(100);
    expect(world.ended).toEqual([
      [PEER, true],
      [PEER, false],
    ]);
  });

  it("make the sender doubt its own file from the third on", async () => {
    vi.useFakeTimers();
    for (let failure = 1; failure <= 3; failure++) {
      fail();
      await vi.advanceTimersByTimeAsync(10_000);
      expect(world.doubted).toEqual(failure < 3 ? [] : [[PEER, 7]]);
    }
    expect(world.ended).toHaveLength(3);
  });

  it("leave nothing behind when leadership ends: no token, no held file", () => {
    world.transfers.send(PEER, metaAt(5));
    world.transfers.send(OTHER, metaAt(5));
    world.transfers.endSending();
    expect([world.withdrawn, world.released, world.ended]).toEqual([["token1", "token2"], [7, 7], []]);
  });
});

describe("progress", () => {
  it("is passed on by the sender while it sends, and not after", () => {
    world.transfers.progress(PEER);
    world.transfers.send(PEER, metaAt(5));
    world.transfers.progress(PEER);
    world.transfers.progress(OTHER);
    expect(world.alive).toEqual([PEER]);
  });

  it("is reported by the receiver each second in which a chunk came, and in no other", async () => {
    vi.useFakeTimers();
    world.transfers.offered(PEER, offerAt(7, "a"));
    await vi.advanceTimersByTimeAsync(0);
    const [fetch] = world.fetches;
    const word = { to: PEER, packet: { kind: "snapshotProgress" } };
    await vi.advanceTimersByTimeAsync(3_000);
    expect(world.take()).toEqual([]);
    await fetch?.write();
    await fetch?.write();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(world.take()).toEqual([word]);
    fetch?.end(false);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(world.take()).toEqual([
      { to: PEER, packet: { kind: "snapshotResult", meta: metaAt(7), ok: false } },
    ]);
  });
});

describe("the receiver of a snapshot", () => {
  /** Offers, and waits until the fetch has begun. */
  async function offered(from: NodeId, offer: SnapshotOffer): Promise<World["fetches"][number]> {
    const before = world.fetches.length;
    world.transfers.offered(from, offer);
    return until(() => world.fetches[before], "it fetches");
  }

  it("says again that it has the file when the link to the sender stands again", async () => {
    const fetch = await offered(PEER, offerAt(7, "a"));
    world.transfers.reachable(PEER);
    expect(world.sent).toEqual([]);
    fetch.end(true);
    const word = { to: PEER, packet: { kind: "snapshotResult", meta: metaAt(7), ok: true } };
    await until(() => world.sent.length > 0, "it says so");
    expect(world.take()).toEqual([word]);
    expect(world.received).toEqual([7]);
    world.transfers.reachable(OTHER);
    expect(world.take()).toEqual([]);
    world.transfers.reachable(PEER);
    expect(world.take()).toEqual([word]);
  });

  it("goes on when the same offer is said again, and refuses an older one of the same peer", async () => {
    const fetch = await offered(PEER, offerAt(7, "a"));
    world.transfers.offered(PEER, offerAt(7, "a"));
    expect(world.sent).toEqual([]);
    world.transfers.offered(PEER, offerAt(6, "b"));
    expect(world.take()).toEqual([
      { to: PEER, packet: { kind: "snapshotResult", meta: metaAt(6), ok: false } },
    ]);
    expect([fetch.signal.aborted, world.fetches.length]).toEqual([false, 1]);
  });

  it("gives up a fetch for a newer offer, and for any offer of another leader", async () => {
    const first = await offered(PEER, offerAt(7, "a"));
    const second = await offered(PEER, offerAt(8, "b"));
    expect(first.signal.aborted).toBe(true);
    const third = await offered(OTHER, offerAt(6, "c"));
    expect([second.signal.aborted, third.from]).toEqual([true, OTHER]);
    third.end(true);
    await until(() => world.received.length > 0, "it has received one");
    expect(world.received).toEqual([6]);
  });
});
