/** What the tests of a file share: one Chromium, one real cluster, one cluster of recordings; each begun when needed. */

import type { Browser } from "playwright-core";
import type { TestContext } from "vitest";
import { type Capability, requires } from "../support/capability.ts";
import { launch } from "../support/chromium.ts";
import { open, type PageOptions, type Watched } from "./browser.ts";
import { buildPage } from "./build.ts";
import { FakeCluster } from "./fake-cluster.ts";
import { LocalCluster } from "./local-cluster.ts";

export class Stage {
  #browser: Browser | undefined;
  #real: LocalCluster | undefined;
  readonly #recorded = new Map<number, FakeCluster>();
  readonly #pages: Watched[] = [];

  /** Skips the test where Chromium is missing, or something else that is named. */
  async real(context: Pick<TestContext, "skip">, ...needed: readonly Capability[]): Promise<LocalCluster> {
    await this.#begin(context, needed);
    this.#real ??= await LocalCluster.start();
    return this.#real;
  }

  /** As {@link real}; all its nodes are well at first. */
  async recorded(
    context: Pick<TestContext, "skip">,
    count: number,
    ...needed: readonly Capability[]
  ): Promise<FakeCluster> {
    await this.#begin(context, needed);
    const kept = this.#recorded.get(count) ?? (await FakeCluster.start(count));
    this.#recorded.set(count, kept);
    await kept.heal();
    return kept;
  }

  async #begin(context: Pick<TestContext, "skip">, needed: readonly Capability[]): Promise<void> {
    requires(context, ...(this.#browser === undefined ? (["chromium"] as const) : []), ...needed);
    buildPage();
    this.#browser ??= await launch();
  }

  /** A new page, closed by {@link closePages}. */
  async open(url: string, options: PageOptions = {}): Promise<Watched> {
    if (this.#browser === undefined) throw new Error("the stage has not begun");
    const watched = await open(this.#browser, url, options);
    this.#pages.push(watched);
    return watched;
  }

  /** To be called after each test. */
  async closePages(): Promise<void> {
    await Promise.all(this.#pages.splice(0).map(({ context }) => context.close()));
  }

  /** To be called after all tests. */
  async close(): Promise<void> {
    await this.closePages();
    await this.#browser?.close();
    await Promise.all([...this.#recorded.values()].map((cluster) => cluster.close()));
    await this.#real?.stop();
  }
}
