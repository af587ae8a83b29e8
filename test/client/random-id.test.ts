import { expect, it, vi } from "vitest";
import { randomId } from "../../src/client/random-id.ts";

it("is a version 4 UUID, also in a browser's page that came by plain http", () => {
  const form = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(randomId()).toMatch(form);
  const { getRandomValues } = crypto;
  vi.stubGlobal("crypto", { getRandomValues: getRandomValues.bind(crypto) });
  try {
    const ids = new Set(Array.from({ length: 1_000 }, randomId));
    expect(ids.size).toBe(1_000);
    for (const id of ids) expect(id).toMatch(form);
  } finally {
    vi.unstubAllGlobals();
  }
});
