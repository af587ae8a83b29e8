/**
 * I20, the harder half: when the faults end, only a majority may be well again, chosen at random, and all others stay
 * dead or cut off for good. That is enough to elect, to serve and to agree.
 */

import type { Prng } from "../../src/base/index.ts";
import type { CommittedLog } from "./checkers/committed-log.ts";
import { hasQuorum, names } from "./checkers/configurations.ts";
import { Violation } from "./observer.ts";
import type { Roster } from "./roster.ts";
import type { SimNode } from "./sim-node.ts";

export interface SurvivorsOptions {
  readonly prng: Prng;
  readonly roster: Roster;
  readonly log: () => CommittedLog;
}

export class Survivors {
  readonly #options: SurvivorsOptions;
  #core: ReadonlySet<SimNode> = new Set();

  constructor(options: SurvivorsOptions) {
    this.#options = options;
  }

  /**
   * As few as suffice for each configuration that may be in force, and sometimes more; undefined if so many disks are
   * lost or damaged that there is no choice.
   */
  draw(): ReadonlySet<SimNode> | undefined {
    const { prng, roster } = this.#options;
    const whole = roster.members.filter((node) => !roster.isLost(node) && !node.disk.hasDamage);
    this.#core = new Set(whole);
    if (!this.#suffices()) return undefined;
    const spare = prng.chance(0.3) ? 1 : 0;
    for (const node of whole.sort(() => prng.real() - 0.5)) {
      const fewer = new Set([...this.#core].filter((one) => one !== node));
      const before = this.#core;
      this.#core = fewer;
      if (!this.#suffices() || fewer.size < spare) this.#core = before;
    }
    return this.#core.size < roster.nodes.length ? this.#core : undefined;
  }

  #suffices(): boolean {
    return this.#options.roster.inPlay.every((one) =>
      hasQuorum(one, (member) => [...this.#core].some((node) => isThe(node, member))),
    );
  }

  /** Whether one of them has opened its term, and all have applied everything. */
  areOne(): boolean {
    const log = this.#options.log();
    const { configuration } = log.configuration;
    let opened = 0;
    for (const node of this.#core) {
      const status = node.reducer?.status();
      if (status === undefined) return false;
      if (status.opened) opened++;
      if (names(configuration, node) && status.applied !== log.last) return false;
    }
    return opened === 1;
  }

  /** Whoever leads them, and one of the other voters. */
  leaderAndAnother(): readonly (SimNode | undefined)[] {
    const leader = [...this.#core].find(({ reducer }) => reducer?.status().opened === true);
    const { voters } = this.#options.log().configuration.configuration;
    return [leader, [...this.#core].find((node) => node !== leader && voters.includes(node.id))];
  }

  /**
   * Says whether that was a trial at all: somebody may have changed the configuration in the last moment.
   * @throws {Violation} they have not become one.
   */
  check(idle: boolean): boolean {
    if (idle && this.areOne()) return true;
    if (!this.#suffices()) return false;
    const standing = [...this.#core].map(({ id, reducer }) => {
      const { role, term, applied, committed, last } = reducer?.status() ?? {};
      return `${id} ${role} term ${term} applied ${applied} committed ${committed} last ${last}`;
    });
    const clients = idle ? "" : "; somebody still waits for an answer";
    throw new Violation("I20 liveness", `a majority is well, and not one: ${standing.join("; ")}${clients}`);
  }
}

function isThe(node: SimNode, member: Pick<SimNode, "id" | "incarnation">): boolean {
  return node.id === member.id && node.incarnation === member.incarnation;
}
