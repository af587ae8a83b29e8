/** Where the browser begins. */

import { listen } from "./live/connection.ts";
import { Writer } from "./live/writer.ts";
import { mountChaos } from "./panels/chaos.ts";
import { mountCharts } from "./panels/charts.ts";
import { mountCounter } from "./panels/counter.ts";
import { mountEvents } from "./panels/events.ts";
import { mountExplorer } from "./panels/explorer.ts";
import { mountLog } from "./panels/log.ts";
import { mountNodes } from "./panels/nodes.ts";
import { mountPromises } from "./panels/promises.ts";
import { mountTopology } from "./panels/topology.ts";
import { mountVerdict } from "./panels/verdict.ts";
import { mountApi, mountFoot, mountKeys, mountTheme } from "./shell.ts";
import { startTheme } from "./theme.ts";

function at(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

startTheme();
mountTheme(at("theme"));
const store = listen(location.origin);
const writer = new Writer(store);
mountApi(at("api"), store);
mountVerdict(at("verdict"), store);
const counter = mountCounter(at("counter"), store, writer);
mountTopology(at("topology"), store);
mountChaos(at("chaos"), store);
mountPromises(at("promises"), store, writer);
mountLog(at("log"), store);
mountCharts(at("charts"), store);
mountNodes(at("nodes"), store);
mountExplorer(at("explorer"), { store, writer, choose: (key) => counter.show(key) });
mountEvents(at("events"), store);
mountKeys(at("keys-button"), counter);
mountFoot(at("foot"), store);
