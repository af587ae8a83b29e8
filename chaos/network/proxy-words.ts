/** What the process of the proxies is asked, and what it answers. */

import type { Trouble } from "./types.ts";

export type Ask =
  | { readonly kind: "serve"; readonly to: string; readonly port: number; readonly target: number }
  | { readonly kind: "started"; readonly id: string; readonly pid: number }
  | { readonly kind: "trouble"; readonly from: string; readonly to: string; readonly trouble: Trouble }
  | { readonly kind: "passed"; readonly from: string; readonly to: string }
  | { readonly kind: "reset"; readonly a: string; readonly b: string };

/** The answer carries the number of what was asked. */
export interface Numbered {
  readonly number: number;
  readonly ask: Ask;
}

export type Answer =
  | { readonly kind: "done"; readonly number: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly number: number; readonly reason: string }
  /** Not an answer: something that makes every count doubtful. */
  | { readonly kind: "fault"; readonly sentence: string };
