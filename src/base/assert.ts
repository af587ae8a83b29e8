/** Assertions that stay on in production: a broken invariant stops the process before it can spread. */

/** Thrown when something that must always hold does not. Never caught to go on; the process exits. */
export class InvariantViolation extends Error {
  override readonly name: string = "InvariantViolation";
}

/**
 * Throws unless `condition` holds.
 *
 * `rule` is a literal that states the rule, not the values: building a message costs five times the check.
 * @throws {InvariantViolation} always fatal.
 */
export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new InvariantViolation(rule);
}

/** Closes an exhaustive switch: does not compile while a case is missing. */
export function assertNever(value: never): never {
  throw new InvariantViolation(`unreachable: unexpected value ${JSON.stringify(value)}`);
}

/** `value`, which must be there. */
export function defined<T>(value: T | undefined, rule: string): T {
  if (value === undefined) throw new InvariantViolation(rule);
  return value;
}
