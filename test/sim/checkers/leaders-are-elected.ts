/**
 * Election safety by the configuration in force (§5.2, §6): whoever comes to lead has, on disk, the vote of a
 * majority of the voters, and of both halves while the configuration is joint; and it may campaign only as a voter
 * of that configuration or of the one that it knows to be committed (R4).
 */

import type { Member } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";
import { configurationIn, configurationsOf, hasQuorum, names } from "./configurations.ts";

export function leadersAreElected(): Partial<Observer> {
  /** Who voted for whom, by voter and term, as soon as it is on the voter's disk. */
  const votes = new Map<string, string>();

  function note({ id, incarnation, disk }: SimNode): void {
    const states = disk.arrived.flatMap(({ hardState }) => hardState ?? []);
    for (const { term, vote } of [...states, disk.synced.hardState]) {
      if (vote !== undefined) votes.set(`${id} ${incarnation} ${term}`, vote);
    }
  }

  function checkElected(node: SimNode, term: number): void {
    const { index, configuration } = configurationIn(node.disk.latest);
    const votedFor = ({ id, incarnation }: Member): boolean =>
      votes.get(`${id} ${incarnation} ${term}`) === node.id;
    if (!hasQuorum(configuration, votedFor)) {
      fail(`${node.id} leads term ${term} without a majority of the configuration at ${index}`);
    }
    if (!mayCampaign(node)) fail(`${node.id} leads term ${term} and is no voter`);
  }

  return {
    synced: note,
    started: note,
    drained(node, { trace }) {
      for (const event of trace) {
        if (event.kind === "role" && event.role === "leader") checkElected(node, event.term);
      }
    },
  };
}

/** Whether it votes in a configuration that is no older than the one it knows to be committed. */
function mayCampaign(node: SimNode): boolean {
  const { latest, synced } = node.disk;
  const known = configurationIn(latest, synced.hardState.commit).index;
  return configurationsOf(latest).some(({ index, configuration }) => {
    const { voters, outgoing } = configuration;
    return index >= known && names(configuration, node) && [...voters, ...outgoing].includes(node.id);
  });
}

function fail(text: string): never {
  throw new Violation("I1 leaders are elected by the configuration in force", text);
}
