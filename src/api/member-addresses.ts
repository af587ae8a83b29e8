/** The network addresses from which members of the cluster speak. */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { NodeService } from "../node/index.ts";

/** Names are looked up again after this, ms. */
const LOOKUP_MS = 10_000;

export class MemberAddresses {
  readonly #service: NodeService;
  #known: Promise<ReadonlySet<string>> = Promise.resolve(new Set());
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(service: NodeService) {
    this.#service = service;
  }

  /** Whether a member is at `address`, as a socket shows it. */
  async has(address: string): Promise<boolean> {
    const now = performance.now();
    if (now - this.#readMs >= LOOKUP_MS) {
      this.#readMs = now;
      this.#known = addressesOf(this.#service);
    }
    return (await this.#known).has(plain(address));
  }
}

async function addressesOf(service: NodeService): Promise<ReadonlySet<string>> {
  const hosts = service
    .status()
    .configuration.members.flatMap(({ peer, api }) => [hostOf(`http://${peer}`), hostOf(api)]);
  const found = await Promise.all([...new Set(hosts)].map(resolve));
  return new Set(found.flat());
}

async function resolve(host: string): Promise<readonly string[]> {
  if (host === "" || isIP(host) !== 0) return [host];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    // A member whose name is not known at the moment is counted like everybody else.
    return [];
  }
}

function hostOf(url: string): string {
  if (!URL.canParse(url)) return "";
  return new URL(url).hostname.replace(/^\[(.*)\]$/, "$1");
}

/** An IPv4 address as it is, also from a socket that speaks IPv6. */
function plain(address: string): string {
  return /^::ffff:([0-9.]+)$/i.exec(address)?.[1] ?? address;
}
