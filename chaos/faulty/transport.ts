/** A transport around another one, which tells a fuse what leaves. */

import type { Packet, Transport } from "../../src/transport/index.ts";
import type { Fuse } from "./fuse.ts";

export function faultyTransport(transport: Transport, fuse: Fuse): Transport {
  return {
    get port() {
      return transport.port;
    },
    setPeers: (peers, removed) => transport.setPeers(peers, removed),
    send: (to, packet) => {
      if (isAcceptance(packet)) fuse.reach("beforeAcknowledging");
      transport.send(to, packet);
      if (isAppend(packet)) fuse.reach("afterSendingAppend");
    },
    offer: (path, bytes) => transport.offer(path, bytes),
    withdraw: (token) => transport.withdraw(token),
    sentBytes: (token) => transport.sentBytes(token),
    fetchSnapshot: (from, offer, sink, signal) => transport.fetchSnapshot(from, offer, sink, signal),
    roundTrips: () => transport.roundTrips(),
    sentToPeers: () => transport.sentToPeers(),
    close: () => transport.close(),
  };
}

function isAcceptance(packet: Packet): boolean {
  return packet.kind === "raft" && packet.message.kind === "appendResponse" && packet.message.ok;
}

/** Without entries it only keeps up the connection. */
function isAppend(packet: Packet): boolean {
  return packet.kind === "raft" && packet.message.kind === "append" && packet.message.entries.length > 0;
}
