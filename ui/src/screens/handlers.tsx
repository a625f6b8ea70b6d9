import { Link } from "wouter-preact";
import type { Handlers } from "../api/types";
import { useLoad } from "../data/load";
import { submitting } from "../frame/state";
import { Button, Card, Command, count, Empty, Loaded, Title } from "../parts/kit";
import { Glyph } from "../parts/state";
import { span } from "../parts/time";

export default function HandlersScreen() {
  const load = useLoad<Handlers>("api/handlers", ["workers", "jobs"], 10_000);
  return (
    <>
      <Title name="Handlers" source={{ path: "api/handlers", cli: "handlers ls" }} />
      <Card title="What workers can run">
        <Loaded load={load}>{({ items }) => items.length === 0 ? (
          <Empty title="No worker has offered anything yet"><p>A handler is a function with a name. Start a worker with the file that holds yours; a few are built in.</p><Command>tenure worker app.py</Command></Empty>
        ) : (
          <div class="scroll"><table>
            <thead><tr><th>Type</th><th>Takes</th><th class="number">Workers</th><th>Queues</th><th class="number">Completed, 1 h</th><th class="number">Failed</th><th class="number">Retried</th><th class="number">p50</th><th class="number">p95</th><th><span class="offscreen">Actions</span></th></tr></thead>
            <tbody>{items.map((one) => {
              const takes = Object.keys((one.schema?.["properties"] as object | undefined) ?? {});
              return (
                <tr key={one.type}>
                  <td><Link href={`/jobs?q=type:${encodeURIComponent(one.type)}`}><b>{one.type}</b></Link></td>
                  <td class="mono quiet cut" style={{ maxWidth: "260px" }} title={String(one.schema?.["description"] ?? "")}>{takes.length ? takes.join(", ") : "any JSON"}</td>
                  <td class="number">{one.workers ? count(one.workers) : <span class="tone-bad"><Glyph state="missed" /> none</span>}</td>
                  <td>{one.queues.map((queue) => <><Link class="tag" href={`/queues/${encodeURIComponent(queue)}`}>{queue}</Link> </>)}</td>
                  <td class="number">{count(one.completed)}</td><td class={`number ${one.failed ? "tone-bad" : ""}`}>{count(one.failed)}</td><td class="number">{count(one.retried)}</td>
                  <td class="number">{one.duration_seconds.p50 === null ? "–" : `≤ ${span(one.duration_seconds.p50)}`}</td><td class="number">{one.duration_seconds.p95 === null ? "–" : `≤ ${span(one.duration_seconds.p95)}`}</td>
                  <td class="right"><Button kind="small" needs="execute" onClick={() => (submitting.value = { type: one.type })}>Submit…</Button></td>
                </tr>
              );
            })}</tbody>
          </table></div>
        )}</Loaded>
      </Card>
    </>
  );
}
