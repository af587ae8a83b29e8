/**
 * Each node in a network namespace of its own, on one bridge: real addresses, real packets, cut and lost by nftables.
 * Needs root.
 */

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import type { Launch } from "../node-process.ts";
import type { Links, Passed, Place, Trouble, TroubledNetwork } from "./types.ts";

const run = promisify(execFile);
const PORT = 4000;
const PEER_PORT = 4100;
/** Who asks from outside has this place on the bridge. */
const HOST_NUMBER = 254;

/** One of the counters that `nft --json list counters` gives. */
interface Counter {
  readonly name: string;
  readonly packets: number;
  readonly bytes: number;
}

export class NamespaceNetwork implements TroubledNetwork {
  readonly links: Links;
  readonly doubts: readonly string[] = [];
  readonly #bridge: string;
  /** Three of the four numbers of its addresses. */
  readonly #subnet: string;
  readonly #secret: string = randomBytes(16).toString("hex");
  /** The last number of each node's address. */
  readonly #numbers: Map<string, number> = new Map();
  readonly #troubles: Map<string, Map<string, Trouble>> = new Map();

  private constructor(name: string, subnet: string) {
    this.#bridge = name;
    this.#subnet = subnet;
    this.links = {
      trouble: (from, to, trouble) => this.#trouble(from, to, trouble),
      passed: (from, to) => this.#passed(from, to),
      reset: async () => {
        throw new Error("connections between namespaces are not reset");
      },
    };
  }

  /** Makes the bridge, with names and addresses that are free. */
  static async open(): Promise<NamespaceNetwork> {
    const name = `rf${randomBytes(4).toString("hex")}`;
    const [second = 0, third = 0] = randomBytes(2);
    const network = new NamespaceNetwork(name, `10.${second}.${third}`);
    await run("ip", ["link", "add", name, "type", "bridge"]);
    await run("ip", ["address", "add", `${network.#subnet}.${HOST_NUMBER}/24`, "dev", name]);
    await run("ip", ["link", "set", name, "up"]);
    return network;
  }

  /** What this machine lacks for it; undefined if nothing. Only trying tells. */
  static async lack(): Promise<string | undefined> {
    if (process.getuid?.() !== 0) return "needs root, for network namespaces";
    const name = `rf${randomBytes(4).toString("hex")}`;
    try {
      await run("ip", ["netns", "add", name]);
    } catch {
      return "needs ip (Debian's iproute2) and the right to make network namespaces";
    }
    try {
      await run("ip", ["netns", "exec", name, "nft", "add", "table", "inet", "probe"]);
      return undefined;
    } catch {
      return "needs nft (Debian's nftables)";
    } finally {
      await run("ip", ["netns", "delete", name]);
    }
  }

  async place(id: string): Promise<Place> {
    const number = this.#numbers.size + 1;
    this.#numbers.set(id, number);
    const namespace = this.#namespace(id);
    const outside = `${this.#bridge}v${number}`;
    await run("ip", ["netns", "add", namespace]);
    await run("ip", ["link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", namespace]);
    await run("ip", ["link", "set", outside, "master", this.#bridge, "up"]);
    await run("ip", ["-n", namespace, "address", "add", `${this.#address(id)}/24`, "dev", "eth0"]);
    for (const device of ["lo", "eth0"]) await run("ip", ["-n", namespace, "link", "set", device, "up"]);
    await this.#filter(
      id,
      "add table inet chaos\nadd chain inet chaos incoming { type filter hook input priority 0; }",
    );
    for (const other of this.#numbers.keys()) {
      await this.#rule(other);
      if (other !== id) await this.#rule(id);
    }
    const peer = `${this.#address(id)}:${PEER_PORT}`;
    return { listen: `${this.#address(id)}:${PORT}`, listenPeer: peer, peer };
  }

  launch(id: string): Launch {
    return {
      under: ["ip", "netns", "exec", this.#namespace(id)],
      // These addresses are not loopback, so the nodes must know a secret.
      env: { RAFTALLY_SECRET: this.#secret },
    };
  }

  started(): void {}

  async close(): Promise<void> {
    const ids = [...this.#numbers.keys()];
    this.#numbers.clear();
    for (const id of ids) await run("ip", ["netns", "delete", this.#namespace(id)]);
    await run("ip", ["link", "delete", this.#bridge]).catch(() => undefined);
  }

  #namespace(id: string): string {
    return `${this.#bridge}-${id}`;
  }

  #address(id: string): string {
    return `${this.#subnet}.${this.#numbers.get(id)}`;
  }

  async #trouble(from: string, to: string, trouble: Trouble): Promise<void> {
    const { cut, loss, ...others } = trouble;
    if (Object.keys(others).length > 0)
      throw new Error("between namespaces ways are only cut, or lose packets");
    const troubles = this.#troubles.get(to) ?? new Map<string, Trouble>();
    this.#troubles.set(to, troubles);
    troubles.set(from, { ...(cut === undefined ? {} : { cut }), ...(loss === undefined ? {} : { loss }) });
    await this.#rule(to);
  }

  /** Writes down anew what may come in to a node, in one transaction. The counters go on. */
  async #rule(to: string): Promise<void> {
    const lines = ["flush chain inet chaos incoming"];
    for (const from of this.#numbers.keys()) {
      if (from === to) continue;
      for (const count of ["passed", "held", "lost"])
        lines.unshift(`add counter inet chaos ${count}-${from}`);
      const { cut, loss = 0 } = this.#troubles.get(to)?.get(from) ?? {};
      const rule = `add rule inet chaos incoming ip saddr ${this.#address(from)}`;
      if (cut === true) lines.push(`${rule} counter name "held-${from}" drop`);
      const share = Math.round(loss * 1_000);
      if (share > 0) lines.push(`${rule} numgen random mod 1000 < ${share} counter name "lost-${from}" drop`);
      lines.push(`${rule} counter name "passed-${from}" accept`);
    }
    await this.#filter(to, lines.join("\n"));
  }

  async #filter(id: string, commands: string): Promise<void> {
    await run("ip", ["netns", "exec", this.#namespace(id), "nft", commands]);
  }

  async #passed(from: string, to: string): Promise<Passed> {
    const args = ["netns", "exec", this.#namespace(to), "nft", "--json", "list", "counters"];
    const { stdout } = await run("ip", args);
    const listed = JSON.parse(stdout) as { readonly nftables: readonly { readonly counter?: Counter }[] };
    const counterOf = (name: string): Counter | undefined =>
      listed.nftables.find(({ counter }) => counter?.name === `${name}-${from}`)?.counter;
    return {
      bytes: counterOf("passed")?.bytes ?? 0,
      messages: 0,
      held: counterOf("held")?.packets ?? 0,
      lost: counterOf("lost")?.packets ?? 0,
      doubled: 0,
      damaged: 0,
    };
  }
}
