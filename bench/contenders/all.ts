/** Everybody who is measured, in the order of a round. */

import { ROW_CONTENDERS } from "../rows/rows.ts";
import type { Contender } from "../types.ts";
import { bare } from "./bare.ts";
import { disk } from "./disk.ts";
import { etcd } from "./etcd.ts";
import { postgres } from "./postgres.ts";
import { raftally } from "./raftally.ts";
import { redis, redisAlone } from "./redis.ts";
import { sqlite } from "./sqlite.ts";

export const CONTENDERS: readonly Contender[] = [
  raftally,
  etcd,
  postgres,
  redis,
  redisAlone,
  bare,
  disk,
  sqlite,
  ...ROW_CONTENDERS,
];
