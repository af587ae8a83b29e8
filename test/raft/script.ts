/**
 * The language of the scenario files. A command a line; the README of the scenarios lists them.
 * What the cores hand out is the answer; `quietly`, `settle`, `elect` and `heartbeat` leave out messages and writes.
 */

import { type MessageKind, nodeId } from "../../src/raft/index.ts";
import { Cluster } from "./kit.ts";
import { type Detail, renderConfiguration, renderMessage, renderReady, renderStatus } from "./render.ts";
import type { Filter, NodeSetup } from "./shape.ts";
import { termsOf } from "./words.ts";

type Command = (words: readonly string[], script: Script) => void;

const QUIET = new Set(["settle", "elect", "heartbeat", "quietly"]);

function list(text: string): readonly string[] {
  return text === "" ? [] : text.split(",");
}

/** `a->b append 2` in any order; what is left out matches everything. */
function filterOf(words: readonly string[]): { filter: Filter; count: number } {
  let filter: Filter = {};
  let count = Number.POSITIVE_INFINITY;
  for (const word of words) {
    const link = /^(\w*)->(\w*)$/.exec(word);
    if (link !== null) {
      filter = { ...filter, ...(link[1] ? { from: link[1] } : {}), ...(link[2] ? { to: link[2] } : {}) };
    } else if (/^\d+$/.test(word)) count = Number(word);
    else filter = { ...filter, kind: word as MessageKind };
  }
  return { filter, count };
}

/** `x y without a b` as [x, y] and [a, b]. */
function without(words: readonly string[]): [readonly string[], readonly string[]] {
  const at = words.indexOf("without");
  return at === -1 ? [words, []] : [words.slice(0, at), words.slice(at + 1)];
}

function count(word: string | undefined): number {
  return word === undefined ? Number.POSITIVE_INFINITY : Number(word);
}

const SETTING_NAMES: Readonly<Record<string, string>> = {
  election: "electionTicks",
  heartbeat: "heartbeatTicks",
  bytes: "messageBytesMax",
  inflight: "inflightMessagesMax",
  uncommitted: "uncommittedBytesMax",
  trailing: "trailingEntriesMax",
  snapshot: "snapshotTicks",
};

const COMMANDS: Readonly<Record<string, Command>> = {
  tick: ([id = "", times = "1"], { cluster }) => cluster.tick(id, Number(times)),
  campaign: ([id = ""], { cluster }) => cluster.campaign(id),
  stand: (ids, { cluster }) => cluster.stand(...ids),
  elect: (words, { cluster }) => {
    const [[id = ""], except] = without(words);
    cluster.elect(id, except);
  },
  settle: (words, { cluster }) => cluster.settle(without(words)[1]),
  heartbeat: (words, { cluster }) => {
    const [[id = ""], except] = without(words);
    cluster.heartbeat(id, except);
  },
  deliver: (words, script) => {
    const { filter, count: max } = filterOf(words);
    const { cluster } = script;
    for (const packet of cluster.packets(filter).slice(0, max)) {
      script.print(`deliver ${renderMessage(packet.message)}`);
      cluster.deliver(packet);
    }
  },
  drop: (words, script) => {
    for (const { message } of script.cluster.drop(filterOf(words).filter)) {
      script.print(`drop ${renderMessage(message)}`);
    }
  },
  /** Takes matching messages off the wire, to be let go later: a network that delays. */
  hold: (words, script) => script.hold(filterOf(words).filter),
  release: (_, script) => script.release(),
  repeat: (words, script) => {
    for (const { message } of script.cluster.packets(filterOf(words).filter)) {
      script.print(`deliver a copy of ${renderMessage(message)}`);
      script.cluster.receive(message);
    }
  },
  persist: ([id = "", n], { cluster }) => cluster.persist(id, count(n)),
  apply: ([id = "", n], { cluster }) => cluster.apply(id, count(n)),
  propose: ([id = "", ...texts], { cluster }) => {
    for (const text of texts) cluster.propose(id, text);
  },
  read: ([id = ""], script) => {
    const read = script.cluster.read(id);
    script.print(`${id}: asked for read ${read}`);
  },
  /** A node with an empty disk begins to listen. */
  join: ([id = ""], { cluster }) => cluster.join(id),
  configure: ([id = "", ...parts], { cluster }) => {
    const options = optionsOf(parts);
    const of = (name: string): readonly string[] => list(options.get(name) ?? "");
    cluster.configure(id, { add: of("add"), promote: of("promote"), remove: of("remove") });
  },
  /** Who belongs to the cluster, as far as a node knows. */
  members: (ids, script) => {
    for (const id of ids.length > 0 ? ids : script.up()) {
      script.print(`${id}: ${renderConfiguration(script.cluster.status(id).configuration)}`);
    }
  },
  transfer: ([id = "", to], { cluster }) =>
    cluster.step(id, { kind: "transfer", to: to === undefined ? undefined : nodeId(to) }),
  unreachable: ([id = "", peer = ""], { cluster }) =>
    cluster.step(id, { kind: "unreachable", peer: nodeId(peer) }),
  lose: (ids, { cluster }) => cluster.loseLeader(...ids),
  crash: ([id = "", reached = "0"], { cluster }) => cluster.crash(id, Number(reached)),
  restart: ([id = ""], { cluster }) => cluster.restart(id),
  snapshot: ([id = ""], { cluster }) => cluster.snapshot(id),
  ship: ([to, how], { cluster }) => cluster.transfer(how !== "lost", to),
  wire: (words, script) => {
    for (const { message } of script.cluster.packets(filterOf(words).filter))
      script.print(renderMessage(message));
  },
  status: (ids, script) => {
    for (const id of ids.length > 0 ? ids : script.up()) {
      for (const line of renderStatus(script.cluster.status(id))) script.print(line);
    }
  },
  log: (ids, script) => {
    for (const id of ids.length > 0 ? ids : script.cluster.nodes.keys()) script.printLog(id);
  },
  applied: (ids, script) => {
    for (const id of ids.length > 0 ? ids : script.cluster.nodes.keys()) {
      script.print(`${id}: ${script.cluster.node(id).disk.machine.history.join(", ") || "nothing"}`);
    }
  },
};

export class Script {
  #cluster: Cluster | undefined;
  #lines: string[] = [];
  #detail: Detail = "all";
  #held: Cluster["wire"] = [];

  get cluster(): Cluster {
    if (this.#cluster === undefined) throw new Error("a scenario begins with a cluster");
    return this.#cluster;
  }

  up(): readonly string[] {
    return [...this.cluster.nodes.keys()].filter((id) => this.cluster.isUp(id));
  }

  print(line: string): void {
    this.#lines.push(line);
  }

  printLog(id: string): void {
    const { disk } = this.cluster.node(id);
    const base = disk.base.index > 0 ? `(${disk.base.index}/${disk.base.term}) ` : "";
    this.print(`${id}: ${base}${termsOf(disk.entries).join(" ")}`.trimEnd());
  }

  hold(filter: Filter): void {
    for (const packet of this.cluster.drop(filter)) {
      this.print(`hold back ${renderMessage(packet.message)}`);
      this.#held.push(packet);
    }
  }

  release(): void {
    this.cluster.wire.push(...this.#held);
    this.#held = [];
  }

  /** Runs the commands of one block and returns its answer. */
  run(commands: readonly string[]): string {
    this.#lines = [];
    for (let at = 0; at < commands.length; at++) {
      const [name = "", ...words] = (commands[at] ?? "").trim().split(/\s+/);
      if (name === "cluster") {
        const nodes = commands.slice(at + 1).filter((line) => line.trim().startsWith("node "));
        this.#begin(words, nodes);
        at += nodes.length;
      } else this.#command(name, words);
    }
    return this.#lines.length === 0 ? "ok" : this.#lines.join("\n");
  }

  #command(name: string, words: readonly string[]): void {
    this.#detail = QUIET.has(name) ? "quiet" : "all";
    const quietly = name === "quietly";
    const command = COMMANDS[quietly ? (words[0] ?? "") : name];
    if (command === undefined)
      throw new Error(`the scenario language has no command ${name} ${words.join(" ")}`);
    command(quietly ? words.slice(1) : words, this);
  }

  #begin(words: readonly string[], nodeLines: readonly string[]): void {
    const options = optionsOf(words);
    const settings: Record<string, number> = {};
    for (const [name, value] of options) {
      const setting = SETTING_NAMES[name];
      if (setting !== undefined) settings[setting] = Number(value);
    }
    const nodes: Record<string, NodeSetup> = {};
    for (const line of nodeLines) {
      const [, id = "", ...rest] = line.trim().split(/\s+/);
      nodes[id] = nodeSetup(optionsOf(rest));
    }
    this.#cluster = new Cluster({
      voters: list(options.get("voters") ?? ""),
      learners: list(options.get("learners") ?? ""),
      outgoing: list(options.get("outgoing") ?? ""),
      seed: Number(options.get("seed") ?? 1),
      settings,
      nodes,
    });
    this.#cluster.observer = (node, ready) => this.#lines.push(...renderReady(node, ready, this.#detail));
    this.#held = [];
  }
}

function optionsOf(words: readonly string[]): Map<string, string> {
  return new Map(words.map((word) => [word.split("=")[0] ?? "", word.split("=")[1] ?? ""]));
}

function nodeSetup(options: ReadonlyMap<string, string>): NodeSetup {
  const log = list(options.get("log") ?? "").map(Number);
  const [term, vote, commit] = [options.get("term"), options.get("vote"), options.get("commit")];
  return {
    log,
    ...(term === undefined ? {} : { term: Number(term) }),
    ...(vote === undefined ? {} : { vote }),
    ...(commit === undefined ? {} : { commit: Number(commit) }),
  };
}
