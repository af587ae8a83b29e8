/** What only concerns Raftally itself: how long it takes to fail over and to start, what it occupies, how it scales. */

import type { Contender, Target } from "../types.ts";

/** They run after the peers, in this order. */
export const ROW_CONTENDERS: readonly Contender[] = [];

export const ROW_TARGETS: readonly Target[] = [];
