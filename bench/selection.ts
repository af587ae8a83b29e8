/** Which of the contenders and workloads take part. */

import type { Contender, WorkloadInfo } from "./types.ts";

/** A contender with those of its workloads that are to run. */
export interface Selected {
  readonly contender: Contender;
  readonly workloads: readonly WorkloadInfo[];
}

/** The name of a series. */
export function seriesName(contender: { readonly id: string }, workload: { readonly id: string }): string {
  return `${contender.id}/${workload.id}`;
}

/** Names that are neither a contender nor a workload of one. */
export function unknownNames(all: readonly Contender[], only: readonly string[]): readonly string[] {
  const known = all.flatMap((contender) => [
    contender.id,
    ...contender.workloads.map((workload) => seriesName(contender, workload)),
  ]);
  return only.filter((name) => !known.includes(name));
}

/**
 * Whoever is named, or everybody; the short form leaves out what takes long, unless it is named itself.
 * @param only `contender` or `contender/workload`.
 */
export function selected(
  all: readonly Contender[],
  { only, quick }: { readonly only: readonly string[]; readonly quick: boolean },
): readonly Selected[] {
  return all.flatMap((contender) => {
    const workloads = contender.workloads.filter((workload) => {
      if (only.includes(seriesName(contender, workload))) return true;
      if (only.length > 0 && !only.includes(contender.id)) return false;
      const takesLong = workload.fullOnly === true || (contender.fullOnly === true && only.length === 0);
      return !(quick && takesLong);
    });
    return workloads.length === 0 ? [] : [{ contender, workloads }];
  });
}
