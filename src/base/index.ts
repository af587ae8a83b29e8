/** What every other folder may use: assertions, the error table, a seeded generator, hashes, flags of Node.js. Imports nothing. */

export { assert, assertNever, defined, InvariantViolation } from "./assert.ts";
export { ERRORS, type ErrorCode, type ErrorInfo, type ErrorOutcome } from "./errors.ts";
export { crc32c, digestAdd, digestRemove, HASH_MODULUS, type Hash52, hash52 } from "./hash.ts";
export { NODE_FLAGS } from "./node-flags.ts";
export { Prng } from "./prng.ts";
