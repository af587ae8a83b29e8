/** The end of a command that cannot go on, for a reason that is no answer of the cluster. */

import type { Explanation } from "./output.ts";

export class GaveUp extends Error {
  override readonly name: string = "GaveUp";
  readonly explanation: Explanation;

  constructor(explanation: Explanation) {
    super(explanation.what);
    this.explanation = explanation;
  }
}
