/** Types of other folders that the tests of the node need, in one place. */
export type { Consistency } from "../../src/node/index.ts";
export type { Applied, Query, StateDigest } from "../../src/store/index.ts";
