/** identity.json, which says who a data directory is: decodeIdentity, and what the log then says to it. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { IdentityError } from "../../../src/store/errors.ts";
import { decodeIdentity } from "../../../src/store/identity-json.ts";
import type { Identity, JoiningIdentity } from "../../../src/store/types.ts";
import { decodeSegmentHeader } from "../../../src/store/wal-format.ts";
import { DEPTH_TO_WRITE_MAX, depthOf } from "../json-text.ts";
import { json, Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";

const FIXTURE: string = join(import.meta.dirname, "../../fixtures/data-v0.1.0/n1");

function encode(identity: Identity | JoiningIdentity): Buffer {
  return Buffer.from(`${JSON.stringify(identity, null, 2)}\n`);
}

export const identity: Target = {
  name: "identity",
  about: "identity.json into decodeIdentity: whom it does not name, its own log disowns; else a sentence",
  inputs: 60_000,
  sample: 1_200,
  msMax: 250,
  open: async (): Promise<Subject> => {
    const real = readFileSync(join(FIXTURE, "identity.json"));
    const recorded = decodeIdentity(real, "identity.json");
    if ("joining" in recorded) throw new Error("the fixture is of a member");
    const { incarnation, id, members } = recorded;
    const joining: JoiningIdentity = { format: 1, joining: true, id, incarnation };
    const forming = {
      ...recorded,
      formed: false,
      members: members.map(({ id: of, peer, api }) => ({ id: of, peer, api })),
    };
    const ofOwn = forming.members.map((one) => (one.id === id ? { ...one, incarnation } : one));
    const texts = [
      real,
      encode(joining),
      Buffer.from(JSON.stringify({ ...forming, members: ofOwn, later: [1] })),
    ];
    const pool = new Pool(texts, json);
    const [segment = ""] = readdirSync(join(FIXTURE, "log")).sort();
    const header = readFileSync(join(FIXTURE, "log", segment));
    return {
      draw: (prng) => pool.draw(prng),
      feed: (input) => feed(input, { header, segment, recorded }),
      close: async () => undefined,
    };
  },
};

interface Owned {
  readonly header: Buffer;
  readonly segment: string;
  readonly recorded: Identity;
}

function feed(input: Buffer, { header, segment, recorded }: Owned): Verdict {
  let found: Identity | JoiningIdentity;
  try {
    found = decodeIdentity(input, "identity.json");
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error;
    demand(error.message.endsWith("."), "refusal: it is not a sentence");
    return refused(`${error.code} ${error.message}`);
  }
  if (depthOf(input) > DEPTH_TO_WRITE_MAX) return accepted("nested deeply");
  const bytes = encode(found);
  // As bytes: a field of a later version may be a number that JSON.parse reads and JSON cannot say.
  const isStable = encode(decodeIdentity(bytes, "identity.json")).equals(bytes);
  demand(isStable, "round trip: an identity is another one after encoding and decoding");
  if ("joining" in found) return accepted("joining");
  // Nothing in the file guards it against damage: what matters of it, the log guards.
  const isSame = found.clusterId === recorded.clusterId && found.incarnation === recorded.incarnation;
  let isOwn = true;
  try {
    decodeSegmentHeader(header, segment, found);
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error;
    isOwn = false;
  }
  demand(isOwn === isSame, "identity: a log is taken for that of another cluster or incarnation");
  return accepted(found.formed ? "member" : "forming");
}
