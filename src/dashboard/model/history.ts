/** What the charts show: one sample a second, for the last quarter of an hour. */

import type { ClusterView } from "./view.ts";

export const SAMPLES_MAX = 900;

/** Columns of equal length; null where nothing was known. */
export interface Series {
  /** Unix seconds. */
  readonly times: readonly number[];
  readonly increments: readonly (number | null)[];
  readonly commitP50: readonly (number | null)[];
  readonly commitP99: readonly (number | null)[];
  /** For each node that was there in this time, by id. */
  readonly fsync: ReadonlyMap<string, readonly (number | null)[]>;
  readonly lag: ReadonlyMap<string, readonly (number | null)[]>;
  /** When another node began to lead, Unix seconds, and which. */
  readonly leaders: readonly { readonly time: number; readonly id: string; readonly term: number }[];
}

interface Sample {
  readonly time: number;
  readonly increments: number | null;
  readonly commitP50: number | null;
  readonly commitP99: number | null;
  readonly fsync: ReadonlyMap<string, number>;
  readonly lag: ReadonlyMap<string, number>;
}

export class History {
  readonly #samples: Sample[] = [];
  #leaders: { readonly time: number; readonly id: string; readonly term: number }[] = [];
  #last: { readonly revision: number; readonly atMs: number } | undefined;
  #leader: { readonly id: string; readonly term: number } | undefined;
  /** The worst of the pictures since the last sample: each tells of a quarter of a second only. */
  #p50: number | undefined;
  #p99: number | undefined;
  readonly #fsync = new Map<string, number>();
  readonly #seen = new Map<string, number>();

  /** To be told of every view: takes note of what pictures say that is gone with the next one. */
  look({ nodes, leader, nowMs }: ClusterView): void {
    for (const { id, picture, pictures, fresh } of nodes) {
      if (!fresh || picture === undefined || this.#seen.get(id) === pictures) continue;
      this.#seen.set(id, pictures);
      const { commitLatency, fsync } = picture;
      if (commitLatency !== undefined && id === leader?.id) {
        this.#p50 = Math.max(this.#p50 ?? 0, commitLatency.p50);
        this.#p99 = Math.max(this.#p99 ?? 0, commitLatency.p99);
      }
      if (fsync !== undefined) this.#fsync.set(id, Math.max(this.#fsync.get(id) ?? 0, fsync.p99));
    }
    const term = leader?.picture?.status.term;
    if (leader === undefined || !leader.fresh || term === undefined) return;
    if (this.#leader !== undefined && (this.#leader.id !== leader.id || this.#leader.term !== term)) {
      this.#leaders.push({ time: nowMs / 1_000, id: leader.id, term });
    }
    this.#leader = { id: leader.id, term };
  }

  /** To be called once a second. */
  sample({ nodes, nowMs }: ClusterView): void {
    const fresh = nodes.filter((node) => node.fresh);
    const revision = Math.max(0, ...fresh.map(({ picture }) => picture?.status.revision ?? 0));
    const last = this.#last;
    if (fresh.length > 0) this.#last = { revision: Math.max(revision, last?.revision ?? 0), atMs: nowMs };
    const passed = last === undefined ? 0 : (nowMs - last.atMs) / 1_000;
    const rate =
      last === undefined || fresh.length === 0 ? null : Math.max(0, revision - last.revision) / passed;
    this.#samples.push({
      time: nowMs / 1_000,
      increments: rate,
      commitP50: this.#p50 ?? null,
      commitP99: this.#p99 ?? null,
      fsync: new Map(this.#fsync),
      lag: new Map(fresh.flatMap(({ id, lag }) => (lag === undefined ? [] : [[id, lag] as const]))),
    });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.splice(0, this.#samples.length - SAMPLES_MAX);
    const oldest = this.#samples[0]?.time ?? 0;
    this.#leaders = this.#leaders.filter(({ time }) => time >= oldest);
    this.#p50 = undefined;
    this.#p99 = undefined;
    this.#fsync.clear();
    for (const id of this.#seen.keys()) if (!nodes.some((node) => node.id === id)) this.#seen.delete(id);
  }

  /** The last so many seconds. */
  series(seconds: number): Series {
    const newest = this.#samples.at(-1)?.time ?? 0;
    const chosen = this.#samples.filter(({ time }) => time > newest - seconds);
    const ids = [...new Set(chosen.flatMap(({ lag, fsync }) => [...lag.keys(), ...fsync.keys()]))].sort();
    const column = (of: (sample: Sample) => ReadonlyMap<string, number>) =>
      new Map(ids.map((id) => [id, chosen.map((sample) => of(sample).get(id) ?? null)] as const));
    return {
      times: chosen.map(({ time }) => time),
      increments: chosen.map(({ increments }) => increments),
      commitP50: chosen.map(({ commitP50 }) => commitP50),
      commitP99: chosen.map(({ commitP99 }) => commitP99),
      fsync: column(({ fsync }) => fsync),
      lag: column(({ lag }) => lag),
      leaders: this.#leaders.filter(({ time }) => time > newest - seconds),
    };
  }
}
