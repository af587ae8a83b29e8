/** Fetching an offered snapshot from a peer, from where the last attempt ended. */

import type { Agent } from "undici";
import { SNAPSHOT_PATH } from "./snapshot-offers.ts";
import type { SnapshotOffer, SnapshotSink, TransportSettings } from "./types.ts";

export interface Fetch {
  /** host:port of the peer. */
  readonly address: string;
  readonly offer: SnapshotOffer;
  readonly sink: SnapshotSink;
  readonly signal: AbortSignal;
}

/** Fetches snapshots over connections of its own. Loads undici with the first: that takes longer than most starts need. */
export class SnapshotFetcher {
  readonly #settings: TransportSettings;
  #agent: Promise<Agent> | undefined;

  constructor(settings: TransportSettings) {
    this.#settings = settings;
  }

  /** As {@link fetchInto}. */
  async fetch(fetch: Fetch): Promise<string | undefined> {
    const agent = this.#agent ?? newAgent(this.#settings);
    this.#agent = agent;
    try {
      return await fetchInto(fetch, await agent, this.#settings);
    } catch (error) {
      // undici could not be loaded, as where files are exchanged or cannot be opened at the moment.
      if (this.#agent === agent) this.#agent = undefined;
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    const agent = await this.#agent?.catch(() => undefined);
    await agent?.destroy();
  }
}

async function newAgent({ snapshotIdleMsMax }: TransportSettings): Promise<Agent> {
  const { Agent } = await import("undici");
  return new Agent({ pipelining: 1, connect: { timeout: snapshotIdleMsMax } });
}

/**
 * Resolves to undefined when every byte of the offer is in the sink, or to a sentence why not. What has come
 * until then stays in the sink. Whether they are the right bytes is for the caller's checksum to say.
 */
export async function fetchInto(
  { address, offer, sink, signal }: Fetch,
  agent: Agent,
  settings: TransportSettings,
): Promise<string | undefined> {
  const start = sink.offset;
  if (start === offer.bytes) return undefined;
  if (start > offer.bytes) return `${start} bytes are here already, of a snapshot of ${offer.bytes}`;
  try {
    const { request } = await import("undici");
    const { statusCode, headers, body } = await request(`http://${address}${SNAPSHOT_PATH}${offer.token}`, {
      dispatcher: agent,
      headers: { range: `bytes=${start}-` },
      signal,
      headersTimeout: settings.snapshotIdleMsMax,
      bodyTimeout: settings.snapshotIdleMsMax,
    });
    const expected = `bytes ${start}-${offer.bytes - 1}/${offer.bytes}`;
    if (statusCode !== 206 || headers["content-range"] !== expected) {
      body.on("error", () => undefined).destroy();
      return `the peer answered with status ${statusCode} and range ${headers["content-range"] ?? "none"}`;
    }
    let at = start;
    for await (const chunk of body) {
      const bytes = chunk as Buffer;
      if (at + bytes.length > offer.bytes) return "the peer sent more than it offered";
      for (let from = 0; from < bytes.length; from += settings.chunkBytes) {
        await sink.write(bytes.subarray(from, from + settings.chunkBytes));
        signal.throwIfAborted();
      }
      at += bytes.length;
    }
    return at === offer.bytes ? undefined : `the transfer ended at byte ${at} of ${offer.bytes}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
