/**
 * Records the last events of each node, for the ladder. Every message gets a number when it leaves, by which it is
 * known when it arrives, perhaps late, perhaps twice.
 */

import type { Message } from "../../../src/raft/index.ts";
import type { Observer } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";

export interface Step {
  /** Counts everything that was recorded. */
  readonly order: number;
  readonly atMs: number;
  /** Whose; undefined for what concerns the whole world. */
  readonly node: string | undefined;
  readonly text: string;
  /** For an arrival: where it comes from, and the number of the message. */
  readonly from?: string;
  readonly message?: number;
  readonly kind: "act" | "sent" | "received" | "fault";
}

/**
 * Kept of each node beside everything else: the messages that only say "I lead still", which would crowd out all
 * others, and what makes the others understood, which they would crowd out: roles, lives and configurations.
 */
const KEPT = { beats: 4, marks: 6 } as const;

export class Recorder {
  readonly #now: () => number;
  readonly #keep: number;
  readonly #rings: Map<string, Step[]> = new Map();
  readonly #numbers: WeakMap<Message, number> = new WeakMap();
  readonly #arrived: Set<number> = new Set();
  #messages = 0;
  #order = 0;

  /** @param keep so many events of each node, and as many faults. */
  constructor(keep: number, now: () => number) {
    this.#keep = keep;
    this.#now = now;
  }

  /** What was kept, in the order in which it happened. */
  get steps(): readonly Step[] {
    return [...this.#rings.values()].flat().sort((a, b) => a.order - b.order);
  }

  /** Whether the message with this number has arrived anywhere. */
  hasArrived(message: number): boolean {
    return this.#arrived.has(message);
  }

  readonly observer: Partial<Observer> = {
    noted: (text) => this.#add({ node: undefined, kind: "fault", text }),
    started: (node) => {
      const { hardState, last } = node.disk.synced;
      this.#mark(
        node,
        `starts (boot ${node.boot}): term ${hardState.term}, log to ${last.index}/${last.term}`,
      );
    },
    crashing: (node) => this.#mark(node, "dies"),
    drained: (node, { trace, write, apply, restore }) => {
      for (const event of trace) {
        if (event.kind === "role")
          this.#mark(node, `${event.role.toUpperCase()} of term ${event.term}: ${event.why}`);
        else if (event.kind === "commit") this.#act(node, `commits ${event.index}`);
        else if (event.kind === "truncate") this.#act(node, `truncates from ${event.from}`);
        else if (event.kind === "install") this.#act(node, `installs a snapshot of ${event.index}`);
        else if (event.kind === "compact") this.#act(node, `compacts to ${event.index}`);
        else if (event.kind === "configuration") {
          const { voters, outgoing } = event.configuration;
          this.#mark(
            node,
            `configuration ${event.index}: ${[voters, ...(outgoing.length > 0 ? [outgoing] : [])].join(" | ")}`,
          );
        }
      }
      if (write !== undefined) {
        const { hardState, append } = write;
        const vote = hardState?.vote === undefined ? "" : ` vote ${hardState.vote}`;
        const hard = hardState === undefined ? "" : ` term ${hardState.term}${vote}`;
        this.#act(node, `writes #${write.seq}:${hard}${range(append)}`);
      }
      if (restore !== undefined) this.#act(node, `restores ${restore.index}`);
      const last = apply?.entries.at(-1);
      if (last !== undefined) this.#act(node, `applies to ${last.index}`);
    },
    synced: (node) => this.#act(node, `on disk: log to ${node.disk.synced.last.index}`),
    sent: (node, message) => {
      const number = ++this.#messages;
      this.#numbers.set(message, number);
      this.#add(
        { node: node.id, kind: "sent", message: number, text: `${message.to}: ${words(message)}` },
        ringOf(message),
      );
    },
    received: (node, message) => {
      const number = this.#numbers.get(message);
      if (number === undefined) return;
      const again = this.#arrived.has(number) ? " again" : "";
      this.#arrived.add(number);
      const text = `${words(message)}${again}`;
      this.#add(
        { node: node.id, kind: "received", from: message.from, message: number, text },
        ringOf(message),
      );
    },
    asked: (node, { event }) => this.#act(node, `asked: ${event.kind} ${event.id}`),
    answered: (node, _attempt, { kind, id, result }) => {
      const at = "index" in result ? ` at ${result.index}` : "";
      this.#act(node, `answers ${kind} ${id}: ${result.kind}${at}`);
    },
  };

  #act({ id }: SimNode, text: string): void {
    this.#add({ node: id, kind: "act", text });
  }

  #mark({ id }: SimNode, text: string): void {
    this.#add({ node: id, kind: "act", text }, "marks");
  }

  #add(step: Omit<Step, "order" | "atMs">, apart?: keyof typeof KEPT): void {
    const key = `${step.node} ${apart}`;
    const ring = this.#rings.get(key) ?? [];
    this.#rings.set(key, ring);
    ring.push({ ...step, order: ++this.#order, atMs: this.#now() });
    if (ring.length > (apart === undefined ? this.#keep : KEPT[apart])) ring.shift();
  }
}

function ringOf({ kind }: Message): "beats" | undefined {
  return kind === "heartbeat" || kind === "heartbeatResponse" ? "beats" : undefined;
}

function range(entries: readonly { readonly index: number; readonly term: number }[]): string {
  const [first] = entries;
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return "";
  const to = last === first ? "" : `..${last.index}`;
  return ` +${first.index}${to}/${last.term}`;
}

/** A message in few words: its kind, its term, and what counts in it. */
function words(message: Message): string {
  const head = `${message.kind} t${message.term}`;
  switch (message.kind) {
    case "append":
      return `${head} after ${message.previous.index}/${message.previous.term}${range(message.entries)} c${message.commit}`;
    case "appendResponse":
      return message.ok ? `${head} match ${message.match}` : `${head} no, hint ${message.hint.index}`;
    case "requestVote":
    case "requestPreVote":
      return `${head} log ${message.last.index}/${message.last.term}`;
    case "voteResponse":
    case "preVoteResponse":
      return `${head} ${message.granted ? "yes" : "no"}`;
    case "heartbeat":
      return `${head} r${message.round} c${message.commit}`;
    case "heartbeatResponse":
      return `${head} r${message.round}`;
    case "readIndexResponse":
      return message.ok ? `${head} index ${message.index}` : `${head} no`;
    default:
      return head;
  }
}
