/** What can be done to a local cluster on purpose, and what is told of it. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ChildNode } from "../child-node.ts";
import { StartRefusal, systemReason } from "../refusal.ts";
import { survey } from "../status.ts";
import { waysBetween } from "./groups.ts";
import type { LinkProxies } from "./link-proxies.ts";
import type { LocalNode, LocalNodes } from "./nodes.ts";
import { takePlace } from "./take-place.ts";
import { freshId, wipeProblem } from "./wipe-check.ts";
import type { Action, LocalAnswer, LocalDone, LocalNodeView, LocalRefusal, LocalView } from "./words.ts";

/** A node that was killed stays down for so long, so that there is something to see. */
const DOWN_MS = 10_000;
/** As in cluster.ts: for a node that cannot even stop. */
const RESTART_KILL_AFTER_MS = 10_000;
const LOOK_MS = 1_000;

export interface ChaosOptions {
  readonly nodes: LocalNodes;
  readonly links: LinkProxies;
  readonly data: string;
  /** What is typed for `raftally local WORDS` to reach this cluster. */
  readonly lineOf: (words: string) => string;
  /** A line for the terminal. */
  readonly say: (line: string) => void;
  /** The launcher stops. */
  readonly signal: AbortSignal;
}

export class Chaos {
  readonly #options: ChaosOptions;
  readonly #listeners: Set<() => void> = new Set();
  #ready = false;
  /** Whether a node is being wiped, but its newcomer not yet started. */
  #wiping = false;

  constructor(options: ChaosOptions) {
    this.#options = options;
    options.nodes.onChange(() => this.#changed());
  }

  /** The cluster has come up: actions are taken from now on. */
  ready(): void {
    this.#ready = true;
    this.#changed();
  }

  /** Calls `listener` at each change of the view; gives what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  view(): LocalView {
    const { nodes, signal } = this.#options;
    return {
      nodes: nodes.all.map(viewOf),
      links: this.#linksView(),
      commands: this.#ready && !signal.aborted,
      command: this.#line("status"),
    };
  }

  /** @param named the id of a node, or `leader`. */
  async act(named: string, action: Action): Promise<LocalAnswer> {
    const command = this.#line(`${action} ${named}`);
    const refusal = this.#refusal(command);
    if (refusal !== undefined) return refusal;
    const id = named === "leader" ? await this.#leader() : named;
    if (id === undefined)
      return { status: 409, detail: "No node leads just now: try again in a moment.", command };
    const found = this.#options.nodes.find(id);
    if (found === undefined) {
      const ids = this.#options.nodes.all.map(({ member }) => member.id).join(", ");
      return { status: 404, detail: `There is no node ${id} in this cluster: it has ${ids}.`, command };
    }
    const exact = this.#line(`${action} ${id}`);
    if (action === "wipe") return await this.#wipe(found.place, found.node, exact);
    return await this.#doTo(found.node.child, action, exact);
  }

  /** Cuts the links between these groups of ids, and heals all others. */
  cut(groups: readonly (readonly string[])[], oneWay: boolean): LocalAnswer {
    const { nodes, links } = this.#options;
    const words = groups.map((group) => group.join(",")).join(" ");
    const command = this.#line(groups.length === 0 ? "heal" : `cut ${words}${oneWay ? " --one-way" : ""}`);
    const refusal = this.#refusal(command);
    if (refusal !== undefined) return refusal;
    const ids = nodes.all.map(({ member }) => member.id);
    const ways = waysBetween(groups, { ids, oneWay });
    if (typeof ways === "string") return { status: 400, detail: ways, command };
    links.cut(ways);
    this.#changed();
    if (ways.length === 0) return { command, detail: "Every link is whole." };
    const cuts = ways.map(({ from, to }) => `${ids[from]} to ${ids[to]}`).join(", ");
    return done({ command }, `Cut: ${cuts}.`, `Heal them with: ${this.#line("heal")}`);
  }

  /** Goes on with an exchange that an earlier start, or a wipe, has begun. */
  exchange(by: string, old: string): void {
    const { nodes, signal, say } = this.#options;
    void completeExchange({ nodes, signal, say }, by, old);
  }

  async #doTo(child: ChildNode, action: Exclude<Action, "wipe">, command: string): Promise<LocalAnswer> {
    const { id, state } = child;
    const no = (detail: string): LocalRefusal => ({ status: 409, detail, command });
    const so = (what: string, next?: string): LocalAnswer => done({ command, node: id }, what, next);
    if (state === "gone") return no(`${id} does not start any more: ${child.lastSentence ?? "see its log."}`);
    const down = `${id} is down: ${this.#line(`start ${id}`)} starts it.`;
    switch (action) {
      case "kill": {
        const { pid } = child;
        if (!(await child.killFor(DOWN_MS))) return no(down);
        const back = `It is started again in ${DOWN_MS / 1_000} s, or by: ${this.#line(`start ${id}`)}`;
        return so(`${id} was killed (process ${pid}).`, back);
      }
      case "pause":
        if (state === "paused") return no(`${id} is paused already.`);
        if (!child.pause()) return no(down);
        return so(`${id} is paused.`, `It answers nobody until: ${this.#line(`resume ${id}`)}`);
      case "resume":
        if (!child.resume()) return no(`${id} is not paused.`);
        return so(`${id} goes on.`);
      case "start":
        if (!child.startNow()) return no(`${id} runs already.`);
        return so(`${id} is being started.`);
      case "restart":
        if (child.startNow()) return so(`${id} was down, and is being started.`);
        void child.restart(RESTART_KILL_AFTER_MS);
        return so(
          `${id} is being restarted.`,
          "It hands leadership over if it has it, stops, and starts again.",
        );
    }
  }

  async #wipe(place: number, { member, child }: LocalNode, command: string): Promise<LocalAnswer> {
    const { nodes, data, signal, say } = this.#options;
    const old = member.id;
    const no = (detail: string): LocalRefusal => ({ status: 409, detail, command });
    const pending = nodes.all.find(({ replaces }) => replaces !== undefined);
    if (this.#wiping) return no("Another node is being wiped: wait until that is done.");
    if (pending !== undefined) {
      return no(`${pending.member.id} is taking the place of ${pending.replaces}: wait until it has.`);
    }
    this.#wiping = true;
    try {
      const problem = await wipeProblem(nodes, old);
      if (problem !== undefined) return no(problem);
      const by = await freshId(nodes, data);
      if (signal.aborted) return no(STOPPING);
      // Written down first: whatever ends this launcher now, the next start goes on with it.
      nodes.planReplacement(old, by);
      await child.retire();
      const directory = join(data, old);
      await rm(directory, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => {
        say(`${directory}, which nobody needs any more, could not be deleted: ${systemReason(error)}.`);
      });
      if (signal.aborted) return no(STOPPING);
      nodes.admit(place);
      this.exchange(by, old);
      const next = `${by} joins in its place, copies everything, and gets its vote.`;
      return done({ command, node: by, replaces: old }, `${old} was killed and its data deleted.`, next);
    } catch (error) {
      if (!(error instanceof StartRefusal)) throw error;
      return no(error.message);
    } finally {
      this.#wiping = false;
    }
  }

  /** Who leads, of those that run; undefined if nobody says so. */
  async #leader(): Promise<string | undefined> {
    const running = this.#options.nodes.all.filter(({ child }) => child.state === "running");
    const seen = await survey(
      running.map(({ member }) => member.api),
      LOOK_MS,
    );
    const views = seen.flatMap(({ view }) => (view?.role === "leader" ? view : []));
    return views.toSorted((a, b) => b.term - a.term)[0]?.id;
  }

  #linksView(): LocalView["links"] {
    const { nodes, links } = this.#options;
    const ids = nodes.all.map(({ member }) => member.id);
    const ways = ids.flatMap((_, from) => ids.flatMap((__, to) => (from === to ? [] : { from, to })));
    const named = ({ from, to }: { from: number; to: number }) => [ids[from] ?? "", ids[to] ?? ""] as const;
    const isBack = ({ from, to }: { from: number; to: number }) => links.isCut({ from: to, to: from });
    const cut = ways.filter((way) => links.isCut(way));
    return {
      cut: cut.filter((way) => way.from < way.to && isBack(way)).map(named),
      oneWay: cut.filter((way) => !isBack(way)).map(named),
      passed: ways.map((way) => {
        const [from, to] = named(way);
        return { from, to, bytes: links.passed(way) };
      }),
    };
  }

  #refusal(command: string): LocalRefusal | undefined {
    const { signal } = this.#options;
    if (signal.aborted) return { status: 409, detail: STOPPING, command };
    if (this.#ready) return undefined;
    return { status: 409, detail: "The cluster is still coming up: try again in a moment.", command };
  }

  #line(words: string): string {
    return this.#options.lineOf(words);
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function done(rest: Omit<LocalDone, "detail" | "next">, what: string, next?: string): LocalDone {
  return {
    ...rest,
    detail: next === undefined ? what : `${what} ${next}`,
    ...(next === undefined ? {} : { next }),
  };
}

const STOPPING = "The cluster is being stopped.";

function viewOf({ member, child, replaces, progress }: LocalNode): LocalNodeView {
  const { pid, backInMs } = child;
  return {
    ...{ id: member.id, api: member.api, state: child.state },
    ...(pid === undefined ? {} : { pid }),
    ...(backInMs === undefined ? {} : { backInMs }),
    ...(replaces === undefined ? {} : { replaces }),
    ...(progress === undefined ? {} : { progress }),
  };
}

/** Lets a newcomer take its place; tells the terminal at the end. Never rejects but for a defect. */
export async function completeExchange(
  { nodes, signal, say }: Pick<ChaosOptions, "nodes" | "signal" | "say">,
  by: string,
  old: string,
): Promise<void> {
  const { urls } = nodes;
  const done = await takePlace({ old, by, urls, signal, tell: (line) => nodes.tell(by, line) });
  if (!done) return;
  try {
    nodes.settled(by);
    say(`${by} has taken the place of ${old}.`);
  } catch (error) {
    // The next start finds that it is done.
    if (!(error instanceof StartRefusal)) throw error;
    say(`${by} has taken the place of ${old}, but that could not be written down: ${error.message}`);
  }
}
