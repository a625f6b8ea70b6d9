// A Tenure worker in Node without any package, written from docs/protocol.md.
//   node examples/worker.mjs [HANDLERS.mjs]     the module exports one function for each type
import { setTimeout as sleep } from "node:timers/promises";
const url = process.env.TENURE_COORDINATOR_URL ?? "http://127.0.0.1:5000";
const given = process.argv[2] && new URL(process.argv[2], `file://${process.cwd()}/`);
const shout = async (text, { log }) => (await log("shouting"), text.toUpperCase());
const handlers = given ? await import(given) : { shout };
const [queues, types, slots] = [["default"], Object.keys(handlers), 4];
const held = new Map(); // job id to { fence, stop }
let me, polling, leaving = false;

async function call(method, path, json, signal) { // again until there is an answer
  const [headers, body] = [{ "Content-Type": "application/json" }, JSON.stringify(json)];
  for (; !signal?.aborted; await sleep(500 + 500 * Math.random())) {
    const answer = await fetch(`${url}/api/${path}`, { method, signal, headers, body }).catch(() => ({ status: 503 }));
    const told = await answer.json?.().catch(() => ({}));
    if (answer.status < 500 && answer.status !== 429) return answer.ok ? told : { refused: told.code };
  }
  return {};
}
const told = { name: `node-${process.pid}`, queues, types: types.map((name) => ({ name })), slots };
const register = async () => { me = await call("POST", "workers/register", told); };
async function obey({ lost = [], cancel = [], drain, refused }) {
  const stop = (why) => ({ job_id, fence }) => held.get(job_id)?.fence === fence && held.get(job_id).stop.abort(why);
  lost.forEach(stop("lost"));
  cancel.forEach(stop("cancelled"));
  if (refused === "worker_unknown") await register();
  else if (refused) throw new Error(refused);
  if (drain) leave();
}
async function beat() { // lists every lease that is held: one that is not listed is taken back
  for (;; await sleep(me.heartbeat_seconds * 1000)) {
    const leases = [...held].map(([job_id, { fence }]) => ({ job_id, fence }));
    await obey(await call("POST", `workers/${me.worker_id}/heartbeat`, { leases, draining: leaving }));
  }
}
async function run({ job_id, fence, type, payload, timeout_seconds }) {
  const [mine, stop] = [{ worker_id: me.worker_id, fence }, new AbortController()];
  held.set(job_id, { fence, stop });
  let [index, report] = [0, { outcome: "completed" }];
  const log = (text) => call("POST", `jobs/${job_id}/logs`, { ...mine, from: index++, lines: [{ at: new Date(), text }] });
  if (timeout_seconds) setTimeout(() => stop.abort("timeout"), timeout_seconds * 1000).unref();
  try { report.result = (await handlers[type](payload, { log, signal: stop.signal })) ?? null; }
  catch (e) { report = { outcome: stop.signal.reason ?? "failed", error: { type: e.name, message: e.message } }; }
  if (stop.signal.reason !== "lost") // refused when somebody else has the job by now: then forget it
    await call("POST", `jobs/${job_id}/complete`, { ...mine, ...report });
  held.delete(job_id);
}
const leave = () => (leaving = true, polling?.abort());
process.on("SIGTERM", leave).on("SIGINT", leave);
await register();
beat();
while (!leaving || held.size) { // while all slots are taken, heartbeats bring cancels and drain
  if (leaving || held.size === slots) { await sleep(50); continue; }
  const json = { worker_id: me.worker_id, queues, types, slots: slots - held.size, wait_seconds: me.poll_seconds };
  const told = await call("POST", "jobs/acquire", json, (polling = new AbortController()).signal);
  (told.leases ?? []).forEach(run);
  await obey(told);
}
await call("DELETE", `workers/${me.worker_id}`).finally(process.exit);
