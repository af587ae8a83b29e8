import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { crc32c } from "../../src/base/index.ts";
import { BackupError, CorruptionError, readBackup, writeBackup } from "../../src/store/index.ts";
import { type OldBackup, oldBackup } from "./backup-source.ts";
import { flip, temporaryDirectory } from "./real-log.ts";

let directory: ReturnType<typeof temporaryDirectory>;
let backup: OldBackup;
let bytes: Buffer;
beforeAll(async () => {
  directory = temporaryDirectory();
  backup = await oldBackup(directory.path, 40);
  bytes = readFileSync(backup.file);
});
afterAll(() => directory.remove());

/** Why a file of these bytes is refused. */
async function refusal(content: Uint8Array): Promise<BackupError> {
  const path = join(directory.path, "changed");
  writeFileSync(path, content);
  const error = await readBackup(path).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(BackupError);
  expect((error as Error).message).toMatch(/^\S.*\.$/);
  expect((error as Error).message).not.toMatch(/\. [A-Z]/);
  return error as BackupError;
}

/** The same backup with another header, whose checksums are right. */
function withHeader(change: (json: string) => string, format = 1): Buffer {
  const length = bytes.readUInt32LE(12);
  const json = Buffer.from(change(bytes.toString("utf8", 16, length - 4)));
  const header = Buffer.alloc(20 + json.length);
  bytes.copy(header, 0, 0, 16);
  header.writeUInt32LE(format, 8);
  header.writeUInt32LE(header.length, 12);
  json.copy(header, 16);
  header.writeUInt32LE(crc32c(header.subarray(0, -4)), header.length - 4);
  return sealed(Buffer.concat([header, bytes.subarray(length)]));
}

/** With the checksum at the end made right. */
function sealed(content: Buffer): Buffer {
  const whole = Buffer.from(content);
  createHash("sha256")
    .update(whole.subarray(0, -40))
    .digest()
    .copy(whole, whole.length - 32);
  return whole;
}

describe("a backup", { timeout: 180_000 }, () => {
  it("says what it holds, is as long as was announced, and verifies", async () => {
    const found = await readBackup(backup.file);
    expect(found).toEqual({ ...backup.manifest, createdBy: "1.2.3", counters: 2, revision: 40 });
    expect(found.meta.index).toBe(40);
    const file = join(directory.path, "old-40", "snapshots", "00000000000000000040-1.db");
    const again = writeBackup(backup.manifest, file, "1.2.3");
    expect(again.bytes).toBe(bytes.length);
    const chunks: Uint8Array[] = [];
    for await (const chunk of again) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    // Verifying leaves nothing behind.
    expect(readdirSync(directory.path).filter((name) => name.includes("verify"))).toEqual([]);
  });

  it("is refused wherever it is cut, and said to be cut short", async () => {
    const length = bytes.readUInt32LE(12);
    const cuts = [
      0,
      3,
      8,
      15,
      16,
      40,
      length - 1,
      length,
      length + 1_000,
      bytes.length - 40,
      bytes.length - 1,
    ];
    for (const cut of cuts) {
      expect((await refusal(bytes.subarray(0, cut))).code, `cut at ${cut}`).toBe("truncated");
    }
  });

  it("is refused as damaged with any bit flipped, wherever that is", async () => {
    const length = bytes.readUInt32LE(12);
    const places = [8, 12, 20, length - 2, length, length + 5_000, bytes.length - 41, bytes.length - 40];
    for (const at of [...places, bytes.length - 1]) {
      const { code } = await refusal(flip(Buffer.from(bytes), at));
      expect(["damaged", "truncated"], `flipped at ${at}`).toContain(code);
    }
    expect((await refusal(flip(Buffer.from(bytes), length + 5_000))).message).toMatch(
      /is damaged \(its content does not match its checksum\); take another backup, or use an older one\.$/,
    );
    expect((await refusal(Buffer.concat([bytes, Buffer.from("x")]))).message).toMatch(
      /1 bytes more than it should/,
    );
  });

  it("is refused if its rows do not add up to its digest, though every checksum is right", async () => {
    const { digest, meta } = backup.manifest;
    const wrong = withHeader((json) => json.replace(`"digest":${digest}`, `"digest":${digest + 1}`));
    expect((await refusal(wrong)).message).toMatch(/state inside is not what it says: .*another digest/);
    const moved = withHeader((json) => json.replace(`"chain":${meta.chain}`, `"chain":${meta.chain + 1}`));
    expect((await refusal(moved)).message).toMatch(/another position/);
    const nobody = withHeader((json) =>
      json.replace(/"voters":\[[^\]]*\]/, '"voters":[]').replace(/"members":\[[^\]]*\]/, '"members":[]'),
    );
    expect((await refusal(nobody)).message).toMatch(/names no member/);
    expect((await refusal(withHeader(() => "{}"))).code).toBe("damaged");
  });

  it("is told from a file that is none, and from one of a newer version", async () => {
    const foreign = await refusal(Buffer.from("PK\u0003\u0004 something else entirely"));
    expect(foreign.code).toBe("foreign");
    expect(foreign.message).toMatch(
      /is not a backup of Raftally; name a file that `raftally backup` wrote\.$/,
    );
    const newer = await refusal(withHeader((json) => json, 2));
    expect(newer.code).toBe("newerFormat");
    expect(newer.message).toMatch(/backup format 2 .* reads format 1; use the version that wrote it/);
    // A later state in a backup of this format.
    const length = bytes.readUInt32LE(12);
    const inside = Buffer.from(bytes.subarray(length, bytes.length - 40));
    inside.writeUInt32BE(2, 60);
    const sha256 = createHash("sha256").update(inside).digest("hex");
    const header = withHeader((json) => json.replace(backup.manifest.sha256, sha256));
    const content = sealed(Buffer.concat([header.subarray(0, length), inside, header.subarray(-40)]));
    expect((await refusal(content)).message).toMatch(/holds a state of a newer format/);
  });

  it("keeps fields of its manifest that this version does not know from standing in the way", async () => {
    const path = join(directory.path, "later");
    writeFileSync(
      path,
      withHeader((json) => json.replace("{", '{"later":{"a":[1]},')),
    );
    expect((await readBackup(path)).digest).toBe(backup.manifest.digest);
  });

  it("says when it cannot be read", async () => {
    const error = await readBackup(join(directory.path, "nothing")).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "unreadable" });
    expect(String(error)).toMatch(/nothing cannot be read \(ENOENT/);
  });

  it("ends with an error before its trailer if the snapshot was damaged meanwhile", async () => {
    const folder = join(directory.path, "damaged");
    mkdirSync(folder);
    const file = join(folder, "snapshot.db");
    const snapshot = readFileSync(join(directory.path, "old-40", "snapshots", "00000000000000000040-1.db"));
    writeFileSync(file, flip(snapshot, 9_000));
    const chunks: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of writeBackup(backup.manifest, file, "1.2.3")) chunks.push(chunk);
    })();
    await expect(reading).rejects.toThrow(CorruptionError);
    expect((await refusal(Buffer.concat(chunks))).code).toBe("truncated");
  });
});
