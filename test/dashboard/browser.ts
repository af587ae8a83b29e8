/** A page in a real Chromium, and what it has to complain about. */

import type { Browser, BrowserContext, Page } from "playwright-core";

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: "light" | "dark";
  readonly reducedMotion?: boolean;
}

/** A page, and everything that it said on the console or that its policy forbade. */
export interface Watched {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors and warnings of the console, uncaught exceptions, breaches of the Content-Security-Policy. */
  readonly complaints: string[];
}

export async function open(browser: Browser, url: string, options: PageOptions = {}): Promise<Watched> {
  const { width = 1280, height = 900, scheme = "light", reducedMotion = false } = options;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: reducedMotion ? "reduce" : "no-preference",
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
  await page.exposeFunction("policyBroken", (what: string) => complaints.push(`policy: ${what}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      const tell = (window as unknown as { policyBroken(what: string): void }).policyBroken;
      tell(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(url);
  return { page, context, complaints };
}

/** Resolves once the verdict matches. @throws {Error} what it says instead. */
export async function verdict(page: Page, pattern: RegExp, withinMs = 20_000): Promise<string> {
  try {
    const found = await page.waitForFunction(
      (source) => {
        const text = document.getElementById("verdict")?.textContent ?? "";
        return new RegExp(source, "i").test(text) ? text : undefined;
      },
      pattern.source,
      { timeout: withinMs, polling: 50 },
    );
    return String(await found.jsonValue());
  } catch {
    throw new Error(`the verdict is not ${pattern} but: ${await page.locator("#verdict").textContent()}`);
  }
}
