/** Members as a leader might show them. */

import type { MemberSeen } from "../../src/cli/membership.ts";

/** A voter that is reached and holds everything, called n and a number. */
export function member(id: string, fields: Partial<MemberSeen> = {}): MemberSeen {
  const number = Number(id.slice(1));
  return {
    id,
    incarnation: "0".repeat(32),
    peer: `10.0.0.${number}:4100`,
    api: `http://10.0.0.${number}:4000`,
    role: "voter",
    leads: false,
    reachable: true,
    match: 120,
    catchUp: undefined,
    ...fields,
  };
}
