/** What a client's watch makes of the stream of somebody who is no node, or a broken one. */

import { isDeepStrictEqual } from "node:util";
import { Malformed } from "../../../src/client/decode.ts";
import { EventParser, type ServerSentEvent } from "../../../src/client/sse.ts";
import { decodeClusterEvent, decodeWatchEvent } from "../../../src/client/watch.ts";
import { Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";

const STREAMS: readonly string[] = [
  'retry: 1000\n\nevent: open\nid: 4\ndata: {"revision":4,"index":9,"term":2,"value":12,"exists":true}\n\n: heartbeat\n\n',
  'event: change\r\nid: 6\r\ndata: {"key":"a","value":9223372036854775807,"revision":6,"from":5,"to":6,"deleted":false}\r\n\r\n',
  'event: resync\rid: 8\rdata: {"revision":8,"index":12,\rdata: "term":3,"reason":"too far back"}\r\r',
  'event: event\nid: ab-3\ndata: {"seq":3,"atMs":1,"node":"n1","kind":"leader","term":4,"text":"n1 leads"}\n\n',
  'event: picture\ndata: {"status":{"id":"n1","term":4},"atMs":1,"messages":[]}\n\n',
];

/** An input is the length of the pieces in which the rest arrives. */
export const clientEvents: Target = {
  name: "client-events",
  about:
    "streams of strangers into the client's watch: events of the right types, or refused, in whatever pieces they come",
  inputs: 30_000,
  sample: 600,
  msMax: 250,
  open: async (): Promise<Subject> => {
    const pool = new Pool(STREAMS.map((text) => Buffer.from(text)));
    return {
      draw: (prng) => Buffer.concat([Buffer.from([prng.between(1, 40)]), pool.draw(prng)]),
      feed,
      close: async () => undefined,
    };
  },
};

function feed(input: Buffer): Verdict {
  const text = input.toString("utf8", 1);
  const whole = parse([text]);
  const size = Math.max(1, input[0] ?? 1);
  const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
    text.slice(at * size, (at + 1) * size),
  );
  demand(
    isDeepStrictEqual(parse(pieces), whole),
    "watch: what comes depends on the pieces in which it comes",
  );
  let malformed = 0;
  for (const event of whole) if (!decodes(event)) malformed++;
  return malformed > 0 ? refused("malformed") : accepted(`${Math.min(whole.length, 3)} events`);
}

/** A line feed at the end says that a carriage return before it stands alone or not. */
function parse(pieces: readonly string[]): readonly ServerSentEvent[] {
  const parser = new EventParser();
  return [...pieces, "\n"].flatMap((piece) => parser.push(piece));
}

function decodes(event: ServerSentEvent): boolean {
  try {
    const change = decodeWatchEvent(event);
    if (change?.kind === "change") {
      demand(typeof change.value === "bigint", "watch: a value that is no bigint");
      demand(typeof change.to === "number", "watch: a revision that is no number");
    }
    decodeClusterEvent(event);
    return true;
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}
