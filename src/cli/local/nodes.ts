/** The nodes that a launcher runs, each in its place: the addresses stay, and the node there may be replaced. */

import { join } from "node:path";
import { type MemberAddress, showMembers } from "../address.ts";
import { ChildNode } from "../child-node.ts";
import { type ClusterPlan, type Newcomer, savePlan } from "../cluster-file.ts";
import type { OptionValues } from "../options.ts";
import { showRate } from "../rate.ts";

export interface LocalNode {
  readonly member: MemberAddress;
  readonly child: ChildNode;
  /** Whose place it is about to take. */
  readonly replaces: string | undefined;
  /** How far it is with that: a clause for people. */
  readonly progress: string | undefined;
}

export interface LocalNodesOptions {
  readonly plan: ClusterPlan;
  readonly values: Pick<OptionValues, "data" | "writes" | "badges" | "allowOrigin" | "rateLimit">;
  /** A line for the terminal. */
  readonly say: (line: string) => void;
  /** Where the node at a place dials its peers, for `--dial`. */
  readonly detours?: (place: number) => string | undefined;
  /** More variables for the environment of the nodes. */
  readonly env?: Readonly<Record<string, string>>;
}

export class LocalNodes {
  readonly #options: LocalNodesOptions;
  readonly #listeners: Set<() => void> = new Set();
  #plan: ClusterPlan;
  #nodes: readonly LocalNode[];
  #letGo: () => void = () => {};
  /** Resolves when none of them will ever come back. */
  readonly allGone: Promise<void>;

  constructor(options: LocalNodesOptions) {
    this.#options = options;
    this.#plan = options.plan;
    this.allGone = new Promise((resolve) => {
      this.#letGo = resolve;
    });
    this.#nodes = options.plan.members.map((member, place) => this.#make(member, place));
  }

  /** As it is in the file, or is to be. */
  get plan(): ClusterPlan {
    return this.#plan;
  }

  /** In the order of their places. */
  get all(): readonly LocalNode[] {
    return this.#nodes;
  }

  /** URLs at which they answer clients. */
  get urls(): readonly string[] {
    return this.#nodes.map(({ member }) => member.api);
  }

  find(id: string): { readonly place: number; readonly node: LocalNode } | undefined {
    const place = this.#nodes.findIndex(({ member }) => member.id === id);
    const node = this.#nodes[place];
    return node === undefined ? undefined : { place, node };
  }

  /** Calls `listener` when anything about any of them changes; gives what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Every one has answered: from now on an empty directory is a lost one. @throws {StartRefusal} */
  founded(): void {
    if (this.#plan.founding) this.#save({ ...this.#plan, founding: false });
  }

  /** Writes down that a node `by` is to take the place of `old`. @throws {StartRefusal} */
  planReplacement(old: string, by: string): void {
    const { members, newcomers } = this.#plan;
    this.#save({
      ...this.#plan,
      members: members.map((member) => (member.id === old ? { ...member, id: by } : member)),
      newcomers: [...newcomers, { id: by, replaces: old, done: false }],
    });
  }

  /** Puts the planned newcomer into its place, and starts it. @throws {StartRefusal} if its log cannot be written. */
  admit(place: number): LocalNode {
    const member = this.#plan.members[place];
    if (member === undefined) throw new RangeError(`there is no place ${place}`);
    const node = this.#make(member, place);
    this.#nodes = this.#nodes.with(place, node);
    node.child.start();
    return node;
  }

  /** Says how far the newcomer `id` is. */
  tell(id: string, progress: string): void {
    this.#update(id, { progress });
  }

  /** The newcomer `id` has taken its place. @throws {StartRefusal} */
  settled(id: string): void {
    const newcomers = this.#plan.newcomers.map((each): Newcomer => {
      return each.id === id ? { ...each, done: true } : each;
    });
    this.#save({ ...this.#plan, newcomers });
    this.#update(id, { replaces: undefined, progress: undefined });
  }

  #update(id: string, changes: Partial<LocalNode>): void {
    this.#nodes = this.#nodes.map((node) => (node.member.id === id ? { ...node, ...changes } : node));
    this.#changed();
  }

  #save(plan: ClusterPlan): void {
    savePlan(this.#options.values.data, plan);
    this.#plan = plan;
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
    if (this.#nodes.every(({ child }) => child.hasGivenUp)) this.#letGo();
  }

  #make(member: MemberAddress, place: number): LocalNode {
    const { values, say, env, detours } = this.#options;
    const { data, writes, badges, allowOrigin, rateLimit } = values;
    const { id, peer, api } = member;
    const { clusterId, secret, founding, newcomers, members } = this.#plan;
    const newcomer = newcomers.find((each) => each.id === id);
    const dial = detours?.(place);
    const child = new ChildNode({
      id,
      secret,
      logPath: join(data, `${id}.log`),
      say,
      // A node that has answered once was there, and its directory is lost if it is empty.
      firstArgs: founding ? foundingArgs(members.length) : [],
      args: [
        ...["--id", id, "--cluster-id", clusterId],
        ...(newcomer === undefined ? ["--members", showMembers(members)] : joiningArgs(member, members)),
        ...["--listen", new URL(api).host, "--listen-peer", peer, "--data", join(data, id)],
        ...(dial === undefined ? [] : ["--dial", dial]),
        ...["--writes", writes],
        ...(badges ? ["--badges"] : []),
        ...(allowOrigin === undefined ? [] : ["--allow-origin", allowOrigin.join(",")]),
        ...(rateLimit === undefined ? [] : ["--rate-limit", showRate(rateLimit)]),
        // Ctrl-C gives them 2.2 s in all.
        ...["--stop-timeout", "2s", "--log-format", "text"],
      ],
      ...(env === undefined ? {} : { env }),
      onChange: () => this.#changed(),
    });
    const replaces = newcomer?.done === false ? newcomer.replaces : undefined;
    return { member, child, replaces, progress: undefined };
  }
}

/** The cluster's id was drawn for it: there is no older one to look for. */
function foundingArgs(size: number): readonly string[] {
  return ["--founding-wait", "0s", ...(size === 1 ? ["--new-cluster"] : [])];
}

/** A newcomer must never make a cluster. */
function joiningArgs({ id }: MemberAddress, members: readonly MemberAddress[]): readonly string[] {
  const others = members.filter((member) => member.id !== id).map(({ peer }) => peer);
  return ["--join", others.join(","), "--join-as", "learner"];
}
