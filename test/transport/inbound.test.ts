import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { nodeId } from "../../src/raft/index.ts";
import type { Context } from "../../src/transport/context.ts";
import { FrameReader } from "../../src/transport/frame.ts";
import { VERSIONS } from "../../src/transport/handshake.ts";
import { InboundLink } from "../../src/transport/inbound.ts";
import { DEFAULT_SETTINGS, encodePacket, type TransportHandlers } from "../../src/transport/index.ts";
import { Roster } from "../../src/transport/roster.ts";
import { incarnationOf } from "./nodes.ts";
import { frame } from "./raw-peer.ts";

/** A socket whose other end takes nothing: whatever is written stays. */
class DeafSocket extends Socket {
  override _write(): void {}
  override _writev(): void {}
}

describe("a link that a peer dialled", () => {
  it("does not let a peer that pings and never reads fill the memory, and still hears it", () => {
    const packets: unknown[] = [];
    const handlers: TransportHandlers = {
      onPacket: (from, packet) => packets.push([from, packet]),
      onUnreachable: () => undefined,
      onReachable: () => undefined,
      onFirstContact: () => Promise.resolve(),
      onRefused: () => undefined,
      onNotice: () => undefined,
    };
    const context: Context = {
      clusterId: "c",
      self: { id: nodeId("n1"), incarnation: incarnationOf("n1") },
      secret: "",
      settings: DEFAULT_SETTINGS,
      versions: VERSIONS,
      roster: new Roster([], handlers.onFirstContact),
      handlers,
    };
    const socket = new DeafSocket();
    const reader = new FrameReader(1000);
    const accepted = {
      peer: nodeId("n2"),
      incarnation: incarnationOf("n2"),
      address: undefined,
      newer: false,
      reader,
      keepaliveMs: 60_000,
      welcome: Buffer.alloc(10),
    };
    const link = new InboundLink(socket, accepted, context, () => undefined);
    const pings = Array.from({ length: 50_000 }, (_, sequence) =>
      frame(encodePacket({ kind: "ping", sequence })),
    );
    const digest = { kind: "digest", index: 1024, digest: 5 } as const;
    socket.emit("data", Buffer.concat([...pings, frame(encodePacket(digest))]));
    expect(socket.writableLength).toBeGreaterThan(60_000);
    expect(socket.writableLength).toBeLessThan(70_000);
    expect(packets).toEqual([["n2", digest]]);
    link.close();
  });
});
