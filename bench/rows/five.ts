/** Five nodes instead of three. */

import { CONNECTIONS, increments, KEYS } from "../contenders/raftally.ts";
import { type Raftally, startRaftally } from "../contenders/raftally-cluster.ts";
import { type Contender, contender } from "../types.ts";
import { fastOnly } from "./nodes.ts";

export const FIVE: Contender = contender<Raftally>({
  id: "raftally-five",
  name: "Raftally, five nodes",
  about: "five nodes, everything at its default",
  packages: [],
  fullOnly: true,
  probe: fastOnly,
  start: (context) => startRaftally(context, 5),
  stop: ({ cluster }) => cluster.stop(),
  workloads: [
    {
      id: "hot-key",
      about: "increments of one key, to the leader",
      connections: CONNECTIONS,
      keys: 1,
      run: (raftally, timing) => increments(raftally, { connections: CONNECTIONS, keys: 1 }, timing),
    },
    {
      id: "keys-1000",
      about: "increments of 1,000 keys, to the leader",
      connections: CONNECTIONS,
      keys: KEYS,
      run: (raftally, timing) => increments(raftally, { connections: CONNECTIONS, keys: KEYS }, timing),
    },
  ],
});
