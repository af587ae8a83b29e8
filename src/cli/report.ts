/** What a `serve` process tells the launcher that started it, over Node's channel between processes. */

export type Report =
  /** It answers clients. */
  | { readonly kind: "listening" }
  /** It stops, and this is the sentence that says why. */
  | { readonly kind: "stopping"; readonly sentence: string };

/** Whether a launcher listens. */
export function isSupervised(): boolean {
  return process.connected === true;
}

export function sendReport(report: Report): void {
  // A launcher that just died is no reason to fail: the process notices by the closed channel.
  if (process.connected === true) process.send?.(report, undefined, undefined, () => {});
}

export function readReport(message: unknown): Report | undefined {
  if (typeof message !== "object" || message === null || !("kind" in message)) return undefined;
  if (message.kind === "listening") return { kind: "listening" };
  if (message.kind !== "stopping" || !("sentence" in message)) return undefined;
  return { kind: "stopping", sentence: String(message.sentence) };
}
