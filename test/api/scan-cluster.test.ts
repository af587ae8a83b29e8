import { afterEach, beforeEach, expect, it } from "vitest";
import type { Change } from "../../src/counter/index.ts";
import { Cluster, PATIENT_MS } from "../node/machines.ts";

let cluster: Cluster;

beforeEach(async () => {
  cluster = await Cluster.formed();
}, PATIENT_MS);

afterEach(() => cluster.end(), PATIENT_MS);

async function ask(url: string, path: string): Promise<unknown> {
  const response = await fetch(url + path);
  expect(response.status).toBe(200);
  return await response.json();
}

it("answers questions about all counters on every node, and never from before a write that was answered", {
  timeout: PATIENT_MS,
}, async () => {
  for (let round = 1; round <= 5; round++) {
    const changes = Array.from({ length: 500 }, (_, at): Change => {
      const by = at === 7 ? 2n ** 62n / 5n : 1n;
      return { kind: "add", key: `items:t${at % 5}:${at}`, by };
    });
    const { index } = await cluster.write({ kind: "batch", changes });
    const sum = BigInt(round) * (499n + 2n ** 62n / 5n);
    for (const { url } of cluster.machines) {
      const text = await (await fetch(`${url}/v1/sum?prefix=items:`)).text();
      expect(text).toContain(`"sum":${sum},"counters":500`);
      expect(JSON.parse(text)).toMatchObject({ index });
      const stale = await ask(url, `/v1/sum?prefix=items:&depth=1&consistency=stale&minIndex=${index}`);
      expect(stale).toMatchObject({
        groups: [0, 1, 2, 3, 4].map((at) => ({ prefix: `items:t${at}:`, counters: 100 })),
      });
      expect(await ask(url, "/v1/counters?match=items:*:7&order=-value&limit=3")).toMatchObject({
        counters: [{ key: "items:t2:7" }],
      });
      expect(await ask(url, "/v1/query?expression=none,items:t0:5,items:t[34]:1?")).toMatchObject({
        counters: ["items:t0:5", "items:t3:13", "items:t3:18", "items:t4:14", "items:t4:19"].map((key) => ({
          key,
          value: round,
        })),
      });
    }
  }
});
