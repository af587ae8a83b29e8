/** Where the browser begins. */

import { listen } from "./live/connection.ts";
import { mountChaos } from "./panels/chaos.ts";
import { mountLog } from "./panels/log.ts";
import { mountTopology } from "./panels/topology.ts";

function at(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

const { store } = listen(location.origin);
mountTopology(at("topology"), store);
mountLog(at("log"), store);
mountChaos(at("chaos"), store);
