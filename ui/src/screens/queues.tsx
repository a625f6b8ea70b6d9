import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { call } from "../api/client";
import type { Queue, Queues } from "../api/types";
import { useLoad } from "../data/load";
import { Button, Card, Command, count, Dialog, Empty, Loaded, Meter, Title } from "../parts/kit";
import { Glyph, State } from "../parts/state";
import { span } from "../parts/time";
import { attempt } from "../parts/toast";
import { Keys } from "./keys";

export default function QueuesScreen() {
  const load = useLoad<Queues>("api/queues", ["jobs", "workers"], 3_000);
  return (
    <>
      <Title name="Queues" source={{ path: "api/queues", cli: "queues ls" }} />
      <Card title="Lanes of work">
        <Loaded load={load}>{({ items }) => items.length === 0 ? (
          <Empty title="No queue is in use"><p>A queue is there as soon as a job names it or a worker serves it.</p><Command>tenure submit echo --queue mail</Command></Empty>
        ) : (
          <div class="scroll"><table>
            <thead><tr><th>Queue</th><th class="number">Ready</th><th style={{ minWidth: "150px" }}>Running</th><th class="number">Scheduled</th><th class="number">Blocked</th><th class="number">Oldest</th><th>Rate</th><th class="number">Workers</th><th><span class="offscreen">Actions</span></th></tr></thead>
            <tbody>{items.map((queue) => <Row key={queue.name} queue={queue} reload={load.reload} />)}</tbody>
          </table></div>
        )}</Loaded>
      </Card>
      <Keys />
    </>
  );
}

function Row({ queue, reload }: { queue: Queue; reload: () => void }) {
  const filter = `/jobs?q=queue:${encodeURIComponent(queue.name)} status:`;
  const number = (state: string) => queue.counts[state] ? <Link href={filter + state}>{count(queue.counts[state]!)}</Link> : <span class="quiet">0</span>;
  return (
    <tr>
      <td><Link href={`/queues/${encodeURIComponent(queue.name)}`}><b>{queue.name}</b></Link> {queue.paused_at && <span title={queue.pause_reason ?? ""}><State state="paused" note={queue.paused_by ? `by ${queue.paused_by}` : ""} /></span>}</td>
      <td class="number">{number("pending")}</td>
      <td>{queue.max_running ? <div class="row"><div class="grow"><Meter value={queue.in_use ?? queue.counts["running"] ?? 0} of={queue.max_running} label={`${queue.name}: running of its limit`} /></div><span class="nowrap">{queue.in_use ?? queue.counts["running"] ?? 0} / {queue.max_running}</span></div> : number("running")}</td>
      <td class="number">{number("scheduled")}</td><td class="number">{number("blocked")}</td>
      <td class="number">{queue.oldest_pending_seconds === null ? <span class="quiet">–</span> : span(queue.oldest_pending_seconds)}</td>
      <td>{queue.rate ? `${queue.rate.count} in ${span(queue.rate.per_seconds)}` : <span class="quiet">–</span>}</td>
      <td class={`number ${queue.workers ? "" : "tone-bad"}`}>{queue.workers || <><Glyph state="missed" /> none</>}</td>
      <td class="right nowrap"><PauseButton queue={queue} reload={reload} /></td>
    </tr>
  );
}

export function PauseButton({ queue, reload }: { queue: Queue; reload: () => void }) {
  const [asking, ask] = useState(false);
  const [reason, setReason] = useState("");
  const path = `api/queues/${encodeURIComponent(queue.name)}`;
  const act = (verb: string, said: string) => void attempt(() => call(`${path}/${verb}`, { method: "POST", body: reason ? { reason } : {} }), said).then(() => { ask(false); reload(); });
  if (queue.paused_at) return <Button kind="small" needs="administer" onClick={() => act("resume", `${queue.name} goes on`)}>Resume</Button>;
  return (
    <>
      <Button kind="small" needs="administer" onClick={() => ask(true)}>Pause…</Button>
      {asking && (
        <Dialog label={`Pause ${queue.name}`} onClose={() => ask(false)}>
          <form method="dialog" onSubmit={(event) => { event.preventDefault(); act("pause", `${queue.name} is paused`); }}>
            <h1>Pause {queue.name}</h1>
            <p>No more of its {count(queue.counts["pending"] ?? 0)} ready jobs start until it is resumed. What runs goes on.</p>
            <label class="field">Reason <small>shown to everybody who wonders</small><input type="text" autoFocus value={reason} maxLength={1000} onInput={(event) => setReason(event.currentTarget.value)} /></label>
            <div class="actions"><Button onClick={() => ask(false)}>Leave it</Button><button class="button primary">Pause</button></div>
          </form>
        </Dialog>
      )}
    </>
  );
}
