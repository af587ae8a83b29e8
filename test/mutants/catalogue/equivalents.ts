/** Changes that alter nothing, with the proof: nobody need plant them again. */

import type { Equivalent } from "../mutant.ts";

export const EQUIVALENTS: readonly Equivalent[] = [
  {
    name: "votes-of-non-voters-kept",
    change: "countVote keeps the answer of a node that has no vote: the check of isVoter is dropped.",
    proof:
      "tally asks only for the answers of the voters of both halves, so an answer under any other name is never read; and calling tally once more without a new answer of a voter gives “pending” again, because it gave that before, or the role would have ended.",
  },
  {
    name: "second-truncation-takes-the-later",
    change: "Of two truncations before one write the later index is kept, not the lower one.",
    proof:
      "The first truncation lowers #emitted to just before its index. The second one comes into the branch only if #emitted reaches its index, and then its index is at most #emitted, and so below that of the first: the later one is always the lower one.",
  },
  {
    name: "uncommitted-bytes-zeroed-once",
    change: "becomeLeader does not set uncommittedBytes to 0.",
    proof:
      "They are 0 in a new core, only a leader adds to them (propose), and leaveRole sets them to 0 whenever a leader stops being one; so they are 0 whenever a candidate takes office.",
  },
];
