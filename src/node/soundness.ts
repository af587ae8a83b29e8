/** Whether this node's state is what the others have: what is known of it, and the digests that they are to hear. */

import type { Configuration, NodeId } from "../raft/index.ts";
import type { StateDigest } from "../store/index.ts";
import { DigestWatch } from "./digest-watch.ts";

export class Soundness {
  readonly #watch: DigestWatch;
  #alarm: string | undefined;
  #diverged = false;
  #digests: StateDigest[] = [];

  constructor(self: NodeId) {
    this.#watch = new DigestWatch(self);
  }

  /** What is known of replicas that differ, in a sentence. */
  get alarm(): string | undefined {
    return this.#alarm;
  }

  /** Whether this node's state is known to be wrong. */
  get diverged(): boolean {
    return this.#diverged;
  }

  /** This node has arrived at a digest of its own, which all are to hear. */
  tell(digest: StateDigest): void {
    this.#digests.push(digest);
  }

  takeDigests(): readonly StateDigest[] {
    const digests = this.#digests;
    this.#digests = [];
    return digests;
  }

  /** Takes in the digest of one node. Says what is new: an alarm, and whether this node was found to be wrong. */
  compare(
    from: NodeId,
    digest: StateDigest,
    configuration: Configuration,
  ): { readonly alarm: string | undefined; readonly wrong: boolean } {
    const nothing = { alarm: undefined, wrong: false };
    const verdict = this.#watch.add(from, digest, configuration);
    if (verdict.kind === "equal") return nothing;
    if (verdict.answer !== undefined) this.#digests.push(verdict.answer);
    if (this.#diverged) return nothing;
    const alarm = this.#alarm === verdict.text ? undefined : verdict.text;
    this.#alarm = verdict.text;
    this.#diverged = verdict.ownIsWrong;
    return { alarm, wrong: verdict.ownIsWrong };
  }
}
