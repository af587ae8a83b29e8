/** `--rate-limit`: so many requests in so much time. */

import type { RateLimit } from "../api/index.ts";
import { bad, good, type Parsed } from "./option.ts";

const REQUESTS_MAX = 1_000_000;
const SECONDS_MAX = 86_400;
const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

/** `100/10s`, `1000/m`: the number of requests, and the time in which they may come, of one unit if none is said. */
export function rate(text: string): Parsed<RateLimit> {
  const [, count, times = "1", unit = ""] = /^([0-9]{1,7})\/([0-9]{1,5})?([smh])$/.exec(text) ?? [];
  const requests = Number(count);
  const seconds = Number(times) * (UNIT_S[unit] ?? Number.NaN);
  const isRate = requests >= 1 && requests <= REQUESTS_MAX && seconds >= 1 && seconds <= SECONDS_MAX;
  if (isRate) return good({ requests, seconds });
  return bad(`requests per time, such as 100/10s or 5000/m: 1 to ${REQUESTS_MAX} in 1s to 24h`);
}

/** As {@link rate} reads it. */
export function showRate({ requests, seconds }: RateLimit): string {
  return `${requests}/${seconds}s`;
}
