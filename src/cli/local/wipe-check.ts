/** Whether a node of a local cluster may be wiped now, and what the one is called that comes for it. */

import { readdir } from "node:fs/promises";
import { type MemberView, RaftallyClient, RaftallyError } from "../../client/index.ts";
import type { LocalNodes } from "./nodes.ts";

const LOOK_MS = 2_000;

/**
 * Why `old` must not lose its data now, in a sentence; undefined if it may. What a majority of the others holds is not
 * lost, and only they can let a newcomer in.
 */
export async function wipeProblem(nodes: LocalNodes, old: string): Promise<string | undefined> {
  const members = await membersOf(nodes);
  if (members === undefined)
    return `${old} is not wiped: no node leads, so nothing says what the others hold.`;
  const voters = members.filter(({ role }) => role !== "learner");
  const needed = Math.floor(voters.length / 2) + 1;
  const votes = voters.some(({ id }) => id === old);
  const others = voters.filter((member) => member.id !== old && isUp(nodes, member));
  if (others.length >= needed || (!votes && others.length > 0)) return undefined;
  const have = others.length === 0 ? "none" : others.map(({ id }) => id).join(", ");
  return (
    `${old} is not wiped: of ${voters.length} voters ${needed} must hold every count, and without ${old} only these ` +
    `would be up: ${have}.`
  );
}

/** The launcher knows sooner than the leader that one of its own is paused or down. */
function isUp(nodes: LocalNodes, { id, reachable }: MemberView): boolean {
  const own = nodes.find(id)?.node.child;
  return reachable && (own === undefined || own.state === "running");
}

/** As a leader sees them; undefined without one. */
async function membersOf(nodes: LocalNodes): Promise<readonly MemberView[] | undefined> {
  const urls = nodes.all.flatMap(({ member, child }) => (child.state === "running" ? member.api : []));
  if (urls.length === 0) return undefined;
  try {
    const { members } = await new RaftallyClient({ urls, discoverMs: 0 }).members({ timeoutMs: LOOK_MS });
    return members.some(({ leads }) => leads) ? members : undefined;
  } catch (error) {
    if (error instanceof RaftallyError) return undefined;
    throw error;
  }
}

/** The next of n1, n2, …: an id is never used twice in the life of a cluster. */
export async function freshId(nodes: Pick<LocalNodes, "plan" | "urls">, data: string): Promise<string> {
  const { plan, urls } = nodes;
  const used = [
    ...plan.members.map(({ id }) => id),
    ...plan.newcomers.flatMap(({ id, replaces }) => [id, replaces]),
    ...(await Promise.all(urls.map(idsKnownAt))).flat(),
    ...(await readdir(data)).map((name) => name.replace(/\.log(?:\.1)?$/, "")),
  ];
  const numbers = used.map((id) => Number(/^n([1-9][0-9]{0,8})$/.exec(id)?.[1] ?? 0));
  return `n${Math.max(0, ...numbers) + 1}`;
}

/** Every member, and everyone who was one, as the node at `url` knows it; none if it does not answer. */
async function idsKnownAt(url: string): Promise<readonly string[]> {
  try {
    const answer = await fetch(`${url}/v1/cluster`, { signal: AbortSignal.timeout(LOOK_MS) });
    const { configuration } = (await answer.json()) as { readonly configuration?: Known };
    const { members = [], removed = [] } = configuration ?? {};
    return [...members, ...removed].map(({ id }) => id);
  } catch {
    return [];
  }
}

interface Known {
  readonly members?: readonly { readonly id: string }[];
  readonly removed?: readonly { readonly id: string }[];
}
