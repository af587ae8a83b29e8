/** Listens to the nodes: one stream of events for each, own origin first, opened and closed as members come and go. */

import type { ClusterEvent, NodePicture } from "../../client/index.ts";
import { ClusterModel } from "../model/cluster.ts";
import { type Store, ViewStore } from "../store.ts";
import { whenUnseen } from "../visibility.ts";

/** Nodes are asked for a picture so often, ms. */
const PICTURES_MS = 250;
/** The view is made anew at least so often, for the ages in it, ms. */
const REFRESH_MS = 500;
/** What comes within so long is shown together, ms: a frame of the screen. */
const GATHER_MS = 16;
/** A line that broke is tried again after so long, ms. */
const AGAIN_MS_MIN = 250;
const AGAIN_MS_MAX = 2_000;
/** A line on which nothing came for so long is given up and opened again, ms: a paused process keeps its sockets open. */
const SILENT_MS = 5_000;

/** One line to one node. */
class Line {
  readonly #url: string;
  readonly #model: ClusterModel;
  readonly #changed: () => void;
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = AGAIN_MS_MIN;
  #heardAtMs = 0;

  constructor(url: string, model: ClusterModel, changed: () => void) {
    this.#url = url;
    this.#model = model;
    this.#changed = changed;
    this.#model.line(url, "connecting", Date.now());
    this.#open();
  }

  #open(): void {
    this.#heardAtMs = Date.now();
    // Each time the node tells what it remembers from the beginning, and the model knows what it has heard already.
    const source = new EventSource(`${this.#url}/v1/cluster/events?pictures=${PICTURES_MS}`);
    this.#source = source;
    source.addEventListener("picture", (message) => this.#onPicture(message));
    source.addEventListener("event", (message) => this.#onEvent(message));
    source.onerror = () => this.#onError();
  }

  #onPicture(message: MessageEvent<string>): void {
    this.#heardAtMs = Date.now();
    this.#pauseMs = AGAIN_MS_MIN;
    const picture = JSON.parse(message.data) as NodePicture;
    this.#model.heard(this.#url, picture, Date.now());
    this.#changed();
  }

  #onEvent(message: MessageEvent<string>): void {
    const run = message.lastEventId.slice(0, message.lastEventId.lastIndexOf("-"));
    this.#model.happened(JSON.parse(message.data) as ClusterEvent, run, Date.now());
    this.#changed();
  }

  /** The browser would try again by itself, but only after seconds, and never after a refusal. */
  #onError(): void {
    this.#source?.close();
    this.#source = undefined;
    this.#model.line(this.#url, "connecting", Date.now());
    this.#changed();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, AGAIN_MS_MAX);
  }

  /** The page's policy does not let it ask there, and never will: it was fixed when the page was loaded. */
  block(): void {
    this.close();
    this.#model.line(this.#url, "blocked", Date.now());
    this.#changed();
  }

  /** Called now and then. A line that is only silent stays so until it is refused: a paused process refuses nobody. */
  look(nowMs: number): void {
    if (this.#source === undefined || nowMs - this.#heardAtMs < SILENT_MS) return;
    this.#source.close();
    this.#open();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
    this.#model.line(this.#url, "connecting", Date.now());
  }
}

/** Begins to listen. @param homeUrl the origin that the page came from. */
export function listen(homeUrl: string): Store {
  const model = new ClusterModel(homeUrl, Date.now());
  const store = new ViewStore(model.view(Date.now()));
  const lines = new Map<string, Line>();
  let paused = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const update = (): void => {
    timer = undefined;
    follow();
    store.set(model.view(Date.now()));
  };
  // A node that is heard first tells of hundreds of events: the view is not made anew for each.
  const changed = (): void => {
    if (timer === undefined) timer = setTimeout(update, GATHER_MS);
  };
  const follow = (): void => {
    const wanted = paused ? [] : model.wanted();
    for (const [url, line] of lines) {
      if (wanted.includes(url)) continue;
      line.close();
      lines.delete(url);
      if (!paused) model.forget(url);
    }
    for (const url of wanted) if (!lines.has(url)) lines.set(url, new Line(url, model, changed));
  };
  setInterval(() => {
    for (const line of lines.values()) line.look(Date.now());
    changed();
  }, REFRESH_MS);
  document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
    if (effectiveDirective !== "connect-src" || !URL.canParse(blockedURI)) return;
    const { origin } = new URL(blockedURI);
    for (const [url, line] of lines) if (new URL(url).origin === origin) line.block();
  });
  whenUnseen((unseen) => {
    paused = unseen;
    changed();
  });
  follow();
  return store;
}
