/** What requests to the launcher of a local cluster say, taken from paths and bodies. */

import { ACTIONS, type Action } from "./words.ts";

export interface Links {
  readonly groups: readonly (readonly string[])[];
  readonly oneWay: boolean;
}

const FORM = 'the body must be {"groups":[["n1"],["n2","n3"]]}, with "oneWay":true or without';

/** @param body undefined if it was too long. @returns a sentence if it is not right. */
export function readLinks(body: string | undefined): Links | string {
  if (body === undefined) return `The body is too long: ${FORM}.`;
  let content: unknown;
  try {
    content = JSON.parse(body);
  } catch {
    return `The body is not JSON: ${FORM}.`;
  }
  if (typeof content !== "object" || content === null) return `The body is no object: ${FORM}.`;
  const { groups, oneWay = false, ...others }: Readonly<Record<string, unknown>> = { ...content };
  const [stray] = Object.keys(others);
  if (stray !== undefined) return `There is no field "${stray}": ${FORM}.`;
  if (!isGroups(groups) || typeof oneWay !== "boolean") return `The fields are not right: ${FORM}.`;
  return { groups, oneWay };
}

function isGroups(given: unknown): given is readonly (readonly string[])[] {
  if (!Array.isArray(given)) return false;
  return given.every((group) => Array.isArray(group) && group.every((id) => typeof id === "string"));
}

/** The node and the action that a path names. */
export function readTarget(path: string): { readonly node: string; readonly action: Action } | undefined {
  const [, node = "", word = ""] =
    /^\/v1\/local\/nodes\/([a-z0-9-]{1,32})\/([a-z]+)$/.exec(path) ??
    /^\/v1\/local\/(leader)\/([a-z]+)$/.exec(path) ??
    [];
  const action = ACTIONS.find((each) => each === word);
  return action === undefined ? undefined : { node, action };
}
