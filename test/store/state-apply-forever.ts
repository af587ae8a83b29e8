/** A process that applies the log of one seed to a state until it is killed. Prints each index it was told. */

import { StateStore } from "../../src/store/state-store.ts";
import { CLUSTER, INITIAL, LogMaker } from "./state-log.ts";

const [path = "", seed = "0"] = process.argv.slice(2);
const state = await StateStore.open({ path, clusterId: CLUSTER, initial: INITIAL, walBytesMax: 65_536 });
const log = new LogMaker(Number(seed));
log.many(state.opened.index);
for (;;) {
  const applied = await state.apply(log.many(1 + (log.position.index % 5)), true);
  process.stdout.write(`${applied.index}\n`);
}
