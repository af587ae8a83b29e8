/** The control server of a local cluster, which breaks nodes and links on purpose. */

import { listed } from "../model/phrases.ts";

export type LocalNodeState = "running" | "paused" | "stopped" | "starting" | "gone";

export interface LocalNode {
  readonly id: string;
  readonly api: string;
  readonly state: LocalNodeState;
  readonly pid?: number;
  /** When the launcher starts it again, ms from now. */
  readonly backInMs?: number;
  /** Whose place it is taking, and how far it is with that. */
  readonly replaces?: string;
  readonly progress?: string;
}

export interface LocalState {
  readonly nodes: readonly LocalNode[];
  /** Pairs of nodes whose link is cut. */
  readonly links: {
    readonly cut: readonly (readonly [string, string])[];
    /** What the first says does not reach the second; the other way round it does. */
    readonly oneWay?: readonly (readonly [string, string])[];
  };
}

export type NodeVerb = "kill" | "pause" | "resume" | "restart" | "start" | "wipe";

export type Deed =
  | { readonly kind: "node"; readonly id: string; readonly verb: NodeVerb }
  | { readonly kind: "killLeader" }
  | ({ readonly kind: "links" } & Cut);

/** Links between groups are cut; none heals all. One way: what the first group says does not reach the second. */
export interface Cut {
  readonly groups: readonly (readonly string[])[];
  readonly oneWay: boolean;
}

/** What became of a deed. */
export interface Done {
  /** What somebody would type to do the same. */
  readonly command: string;
  /** What happens now, or what undoes it, in the server's words; empty if nothing does. */
  readonly next: string;
  /** The node that it was done to; after a wipe the one that takes its place. */
  readonly node: string | undefined;
}

export interface ControlAddress {
  readonly url: string;
  readonly token: string;
}

/** Where the page was told to find the control server; undefined unless a local cluster put that into the page. */
export function controlAddress(page: Document): ControlAddress | undefined {
  const meta = page.querySelector<HTMLMetaElement>('meta[name="raftally-control"]');
  const token = meta?.dataset["token"];
  if (meta === null || token === undefined || meta.content === "") return undefined;
  return { url: meta.content.replace(/\/$/, ""), token };
}

/** A deed as it is sent. */
export function requestOf(deed: Deed): {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
} {
  switch (deed.kind) {
    case "node":
      return { method: "POST", path: `/v1/local/nodes/${encodeURIComponent(deed.id)}/${deed.verb}` };
    case "killLeader":
      return { method: "POST", path: "/v1/local/leader/kill" };
    case "links":
      return {
        method: "PUT",
        path: "/v1/local/links",
        body: JSON.stringify({ groups: deed.groups, oneWay: deed.oneWay }),
      };
  }
}

const DONE: Readonly<Record<NodeVerb, (id: string) => string>> = {
  kill: (id) => `Killed ${id}`,
  pause: (id) => `Paused ${id}`,
  resume: (id) => `Resumed ${id}`,
  restart: (id) => `Restarted ${id}`,
  start: (id) => `Started ${id}`,
  wipe: (id) => `Wiped ${id}`,
};

/** What was done, in words. */
export function deedText(deed: Deed, done: Pick<Done, "node">): string {
  switch (deed.kind) {
    case "node":
      return DONE[deed.verb](deed.id);
    case "killLeader":
      return done.node === undefined ? "Killed the leader" : `Killed the leader, ${done.node}`;
    case "links":
      if (deed.groups.length === 0) return "Healed every link";
      if (deed.groups.length > 2)
        return `Cut every link between ${listed(deed.groups.map((group) => group.join(", ")))}`;
      return deed.oneWay
        ? `Cut what ${listed(deed.groups[0] ?? [])} ${deed.groups[0]?.length === 1 ? "says" : "say"} to ${listed(deed.groups[1] ?? [])}`
        : `Cut the links between ${deed.groups.map((group) => group.join(", ")).join(" and ")}`;
  }
}

/** The control server could not be asked, or refused. The message is for people. */
export class ControlError extends Error {}

/** A deed takes no longer than that, ms. */
const DEED_MS = 30_000;
const ASK_MS = 3_000;

export class Control {
  readonly #address: ControlAddress;

  constructor(address: ControlAddress) {
    this.#address = address;
  }

  /** @throws {ControlError} (rejects) */
  async state(): Promise<LocalState> {
    return (await this.#ask({ method: "GET", path: "/v1/local" }, ASK_MS)) as LocalState;
  }

  /** @throws {ControlError} (rejects) */
  async act(deed: Deed): Promise<Done> {
    const answer = (await this.#ask(requestOf(deed), DEED_MS)) as Readonly<Record<string, unknown>>;
    const { command, next, node } = answer;
    return { command: text(command) ?? "", next: text(next) ?? "", node: text(node) };
  }

  async #ask(
    request: { readonly method: string; readonly path: string; readonly body?: string },
    withinMs: number,
  ): Promise<unknown> {
    const { method, path, body } = request;
    let response: Response;
    let answer: unknown;
    try {
      response = await fetch(`${this.#address.url}${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${this.#address.token}`,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(withinMs),
        cache: "no-store",
      });
      answer = await response.json();
    } catch {
      throw new ControlError("the control server of the local cluster does not answer");
    }
    if (response.ok) return answer;
    const { detail, title } = answer as { detail?: unknown; title?: unknown };
    throw new ControlError(String(detail ?? title ?? `the control server answered ${response.status}`));
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
