/** Debian's Chromium, without a window. Whoever launches it asks `requires(context, "chromium")` first, and closes it. */

import { type Browser, chromium } from "playwright-core";
import { CHROMIUM } from "./capability.ts";

/** As root in a container: no sandbox of its own, no shared memory to speak of, no graphics card. */
const FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}
