/** Where the browser begins. */

import { listen } from "./live/connection.ts";
import { mountChaos } from "./panels/chaos.ts";
import { mountLog } from "./panels/log.ts";
import { mountTopology } from "./panels/topology.ts";
import { mountVerdict } from "./panels/verdict.ts";
import { startTheme } from "./theme.ts";

function at(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

startTheme();
const { store } = listen(location.origin);
mountVerdict(at("verdict"), store);
mountTopology(at("topology"), store);
mountLog(at("log"), store);
mountChaos(at("chaos"), store);
