/** Answers that several operations have in common stand in the document once. */

import type { OpenApiDocument, OperationObject, Reference, ResponseObject } from "./openapi-document.ts";

/** What is left at the operations, and what they refer to. */
export interface Shared {
  readonly paths: OpenApiDocument["paths"];
  readonly responses: Readonly<Record<string, ResponseObject>>;
}

/** An operation whose answers all stand where they belong. */
export type WholeOperation = Omit<OperationObject, "responses"> & {
  readonly responses: Readonly<Record<string, ResponseObject>>;
};

/** The paths with references instead of answers that occur more than once. */
export function shareResponses(
  paths: Readonly<Record<string, Readonly<Record<string, WholeOperation>>>>,
): Shared {
  const operations = Object.values(paths).flatMap((item) => Object.values(item));
  const times = new Map<string, number>();
  for (const { responses } of operations) {
    for (const response of Object.values(responses)) {
      const text = JSON.stringify(response);
      times.set(text, (times.get(text) ?? 0) + 1);
    }
  }
  const names = new Map<string, string>();
  const shared: Record<string, ResponseObject> = {};
  const place = (status: string, response: ResponseObject): ResponseObject | Reference => {
    const text = JSON.stringify(response);
    if ((times.get(text) ?? 0) < 2) return response;
    const name = names.get(text) ?? freeName(`Answer${status}`, shared);
    names.set(text, name);
    shared[name] = response;
    return { $ref: `#/components/responses/${name}` };
  };
  const changed = mapValues(paths, (item) =>
    mapValues(item, (operation) => ({
      ...operation,
      responses: mapValues(operation.responses, (response, status) => place(status, response)),
    })),
  );
  return { paths: changed, responses: shared };
}

/** `Answer409`, or with the first number behind it that is free. */
function freeName(base: string, taken: Readonly<Record<string, unknown>>): string {
  if (!Object.hasOwn(taken, base)) return base;
  let number = 2;
  while (Object.hasOwn(taken, `${base}-${number}`)) number += 1;
  return `${base}-${number}`;
}

function mapValues<From, To>(
  from: Readonly<Record<string, From>>,
  change: (value: From, name: string) => To,
): Readonly<Record<string, To>> {
  return Object.fromEntries(Object.entries(from).map(([name, value]) => [name, change(value, name)]));
}
