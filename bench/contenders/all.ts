/** Everybody who is measured, in the order of a round. */

import { ROW_CONTENDERS } from "../rows/rows.ts";
import type { Contender } from "../types.ts";
import { bare } from "./bare.ts";
import { disk } from "./disk.ts";
import { etcd } from "./etcd.ts";
import { raftally } from "./raftally.ts";
import { sqlite } from "./sqlite.ts";

export const CONTENDERS: readonly Contender[] = [raftally, etcd, bare, disk, sqlite, ...ROW_CONTENDERS];
