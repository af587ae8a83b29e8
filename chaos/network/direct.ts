/** No network in between: all nodes listen on 127.0.0.1, and reach each other there. */

import type { Launch } from "../node-process.ts";
import { freePorts } from "../ports.ts";
import type { Network, Place } from "./types.ts";

export class DirectNetwork implements Network {
  async place(): Promise<Place> {
    const [port, peerPort] = await freePorts(2);
    const peer = `127.0.0.1:${peerPort}`;
    return { listen: `127.0.0.1:${port}`, listenPeer: peer, peer };
  }

  launch(): Launch {
    return {};
  }

  started(): void {}

  async close(): Promise<void> {}
}
