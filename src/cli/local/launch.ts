/** The local cluster with everything that `--chaos` adds to it, or without. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ClusterPlan } from "../cluster-file.ts";
import { portOf } from "../cluster-file.ts";
import type { Terminal } from "../output.ts";
import type { Parsed } from "../parse.ts";
import { systemReason } from "../refusal.ts";
import { Chaos, completeExchange } from "./chaos.ts";
import { type ControlServer, openControlServer } from "./control-server.ts";
import { LinkProxies } from "./link-proxies.ts";
import { LocalNodes } from "./nodes.ts";

export interface Local {
  readonly nodes: LocalNodes;
  /** Where the chaos is asked for; undefined without `--chaos`. */
  readonly control: ControlServer | undefined;
  /** Lines for the terminal on what else can be done. */
  readonly hints: readonly string[];
  /** The cluster has come up. Goes on with exchanges of nodes that an earlier launcher did not see the end of. */
  ready(): void;
  close(): Promise<void>;
}

/**
 * Prepares the nodes, and starts none.
 * @param signal the launcher stops.
 * @throws {StartRefusal} if a port is missing that `--chaos` needs.
 */
export async function prepareLocal(
  plan: ClusterPlan,
  parsed: Parsed,
  { terminal, signal }: { readonly terminal: Terminal; readonly signal: AbortSignal },
): Promise<Local> {
  const say = (line: string): void => terminal.error(line);
  const { values } = parsed;
  const { data } = values;
  if (!values.chaos) {
    const nodes = new LocalNodes({ plan, values, say });
    return {
      nodes,
      control: undefined,
      hints: [],
      ready: () => goOn({ nodes, data, signal, say }),
      close: async () => undefined,
    };
  }
  const links = await LinkProxies.open(plan.members.map(({ peer }) => peer));
  const desk: { chaos: Chaos | undefined } = { chaos: undefined };
  const control = await openControlServer({
    apis: plan.members.map(({ api }) => api),
    basePort: portOf(plan.members[0]),
    chaos: () => desk.chaos,
  }).catch((error: unknown) => {
    links.close();
    throw error;
  });
  const nodes = new LocalNodes({
    ...{ plan, values, say },
    detours: (place) => links.detours(place),
    env: { RAFTALLY_CONTROL_URL: control.url, RAFTALLY_CONTROL_TOKEN: control.token },
  });
  const suffix = parsed.source("data") === "default" ? "" : ` --data ${quoted(data)}`;
  // Started by npm, in a clone: there the program is not on the PATH, and npx finds it.
  const program = process.env["npm_command"] === undefined ? "raftally" : "npx raftally";
  const lineOf = (words: string): string => `${program} local ${words}${suffix}`;
  const chaos = new Chaos({ nodes, links, data, lineOf, say, signal });
  desk.chaos = chaos;
  const ready = (): void => {
    goOn({ nodes, data, signal, say });
    chaos.ready();
  };
  const close = async (): Promise<void> => {
    await control.close();
    links.close();
  };
  return { nodes, control, hints: [`Break: ${lineOf("kill leader")}`], ready, close };
}

interface GoingOn {
  readonly nodes: LocalNodes;
  readonly data: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

function goOn({ nodes, data, signal, say }: GoingOn): void {
  for (const { member, replaces } of nodes.all) {
    if (replaces === undefined) continue;
    // Whatever is left of it was about to be deleted when an earlier launcher was ended.
    const left = join(data, replaces);
    void rm(left, { recursive: true, force: true }).catch((error: unknown) => {
      say(`${left}, which nobody needs any more, could not be deleted: ${systemReason(error)}.`);
    });
    void completeExchange({ nodes, signal, say }, member.id, replaces);
  }
}

/** As a shell takes it. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
