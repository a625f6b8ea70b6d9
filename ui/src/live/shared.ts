// The SharedWorker: one stream for all tabs of a browser, which allows only six to a host.
import type { Asked, Told } from "./events";
import { Stream } from "./stream";

const SILENT_MS = 200_000; // tabs in the background may speak once a minute only

interface Tab { port: MessagePort; topics: string[]; heard: number }

const tabs = new Set<Tab>();
const stream = new Stream(new URL(decodeURIComponent(location.hash.slice(1))).href, (told: Told) => {
  for (const tab of tabs) {
    if (told.kind === "change" && !tab.topics.includes(told.topic)) continue;
    if (told.kind === "resync" && told.topics && !told.topics.some((topic) => tab.topics.includes(topic))) continue;
    tab.port.postMessage(told);
  }
});

function listen(): void {
  stream.listen([...tabs].flatMap((tab) => tab.topics));
}

(self as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = (event) => {
  const port = event.ports[0]!;
  const tab: Tab = { port, topics: [], heard: Date.now() };
  tabs.add(tab);
  port.postMessage({ kind: "standing", standing: stream.standing } satisfies Told);
  port.onmessage = ({ data }: MessageEvent<Asked>) => {
    tab.heard = Date.now();
    tabs.add(tab);
    if (data.bye) tabs.delete(tab);
    if (data.token !== undefined) stream.authorize(data.token);
    if (data.topics) tab.topics = data.topics;
    listen();
  };
};

setInterval(() => {
  for (const tab of tabs) if (Date.now() - tab.heard > SILENT_MS) tabs.delete(tab);
  listen();
}, 30_000);
