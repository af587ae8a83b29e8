/** What happens to a node, told as it happens: `GET /v1/cluster/events`, with pictures of the node if asked for. */

import type { ClusterEvent, LiveSource, NodeService, PictureViewer } from "../node/index.ts";
import { type ApiHandler, Call } from "./call.ts";
import { Refusal } from "./problem.ts";
import type { Route } from "./route.ts";
import { eventText, refuseHead, SseStream } from "./sse.ts";
import { parametersOf, queryOf } from "./target.ts";

/** Streams that one node serves at a time. */
const STREAMS_MAX = 256;
/** How often pictures may be asked for, ms. */
const PICTURES_MS = { min: 50, max: 5_000 };

export interface EventRoutesOptions {
  readonly heartbeatMs?: number;
  readonly streamsMax?: number;
}

export function eventRoutes(service: NodeService, options: EventRoutesOptions = {}): readonly Route[] {
  return [
    { method: "GET", path: "/v1/cluster/events", handler: eventsHandler(service, options), noHead: true },
  ];
}

function eventsHandler(
  service: NodeService,
  { heartbeatMs, streamsMax = STREAMS_MAX }: EventRoutesOptions,
): ApiHandler {
  const feeds = new Set<Feed>();
  return function watchCluster(context): Response {
    const call = new Call(context);
    const refusal = refuseHead(call);
    if (refusal !== undefined) return refusal;
    const { pictures, after } = parametersOf(queryOf(call.target), ["pictures", "after"]);
    const everyMs = pictures === undefined ? undefined : intervalOf(pictures);
    if (feeds.size >= streamsMax) {
      throw new Refusal("OVERLOADED", `${streamsMax} callers watch this node already`);
    }
    let feed: Feed | undefined;
    const onEnd = (): void => {
      if (feed === undefined) return;
      feed.close();
      feeds.delete(feed);
    };
    const stream = new SseStream(context, { ...(heartbeatMs === undefined ? {} : { heartbeatMs }), onEnd });
    if (stream.isOver) return stream.response;
    feed = new Feed(stream, service.live, everyMs);
    feeds.add(feed);
    feed.begin(call.header("last-event-id") ?? after);
    return stream.response;
  };
}

/** @throws {Refusal} INVALID_QUERY. */
function intervalOf(text: string): number {
  const { min, max } = PICTURES_MS;
  const value = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (value < min || value > max) {
    throw new Refusal("INVALID_QUERY", `pictures must be a whole number of ms, from ${min} to ${max}`);
  }
  return value;
}

/** One caller. */
class Feed {
  readonly #stream: SseStream;
  readonly #live: LiveSource;
  readonly #everyMs: number | undefined;
  readonly #viewer: PictureViewer | undefined;
  #stop: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #picturedMs = Number.NEGATIVE_INFINITY;
  /** The last event that was told. */
  #seq = 0;

  constructor(stream: SseStream, live: LiveSource, everyMs: number | undefined) {
    this.#stream = stream;
    this.#live = live;
    this.#everyMs = everyMs;
    this.#viewer = everyMs === undefined ? undefined : live.viewer();
  }

  /** @param lastId of the last event that the caller has. */
  begin(lastId: string | undefined): void {
    this.#seq = this.#resume(lastId);
    for (const event of this.#live.events(this.#seq).events) this.#tell(event);
    this.#stop = this.#live.observe({
      event: (event) => this.#tell(event),
      changed: () => this.#hasChanged(),
    });
    this.#picture();
  }

  close(): void {
    this.#stop();
    clearTimeout(this.#timer);
    this.#viewer?.close();
  }

  /** After which event to go on. */
  #resume(lastId: string | undefined): number {
    if (lastId === undefined || lastId === "") return 0;
    const { run } = this.#live;
    const { first } = this.#live.events(Number.POSITIVE_INFINITY);
    const seq = lastId.startsWith(`${run}-`) ? seqOf(lastId.slice(run.length + 1)) : undefined;
    if (seq !== undefined && seq >= first - 1) return seq;
    const reason =
      seq === undefined
        ? "the process of this node is another one since: its events are numbered anew"
        : "what came after that event is not remembered any more";
    this.#stream.send(
      eventText({ event: "resync", id: `${run}-${first - 1}`, data: JSON.stringify({ reason }) }),
    );
    return first - 1;
  }

  #tell(event: ClusterEvent): void {
    if (event.seq <= this.#seq) return;
    this.#seq = event.seq;
    const id = `${this.#live.run}-${event.seq}`;
    this.#stream.send(eventText({ event: "event", id, data: JSON.stringify(event) }));
  }

  #picture(): void {
    if (this.#viewer === undefined || this.#everyMs === undefined) return;
    clearTimeout(this.#timer);
    this.#picturedMs = performance.now();
    const picture = this.#live.picture(this.#viewer);
    if (!this.#stream.send(eventText({ event: "picture", data: JSON.stringify(picture) }))) return;
    this.#timer = setTimeout(() => this.#picture(), this.#everyMs).unref();
  }

  /** Another role or leader is worth a picture before its time; but not several in one turn. */
  #hasChanged(): void {
    if (this.#viewer === undefined || this.#stream.isOver) return;
    const waitMs = Math.max(0, this.#picturedMs + PICTURES_MS.min - performance.now());
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#picture(), waitMs).unref();
  }
}

function seqOf(text: string): number | undefined {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}
