import { Link } from "wouter-preact";
import type { Page, Workflow } from "../api/types";
import { useLoad } from "../data/load";
import { query, useParameter } from "../parts/address";
import { Card, Command, count, Empty, Loaded, short, Title } from "../parts/kit";
import { State, toneOf } from "../parts/state";
import { Time, Took } from "../parts/time";

export default function Workflows() {
  const [status, setStatus] = useParameter("status");
  const load = useLoad<Page<Workflow>>(`api/workflows${query({ status, limit: 100 })}`, ["jobs"]);
  return (
    <>
      <Title name="Workflows" source={{ path: `api/workflows${query({ status })}`, cli: `workflows ls${status && ` --status ${status}`}` }} actions={<div class="segments" role="group" aria-label="State">{["", "running", "completed", "failed", "cancelled"].map((one) => <button type="button" key={one} aria-pressed={one === status} onClick={() => setStatus(one)}>{one || "all"}</button>)}</div>} />
      <Card title="Jobs that depend on each other">
        <Loaded load={load}>{({ items }) => items.length === 0 ? (
          <Empty title={status ? `No workflow is ${status}` : "No workflows yet"}><p>A workflow is submitted in one request, all of it or nothing. Each job starts when those it depends on have ended as it wants.</p><Command>tenure workflows submit flow.yaml</Command></Empty>
        ) : (
          <div class="scroll"><table>
            <thead><tr><th>Workflow</th><th>State</th><th style={{ minWidth: "220px" }}>Jobs</th><th class="number">Ended</th><th class="number">Took</th><th class="number">Submitted</th></tr></thead>
            <tbody>{items.map((one) => (
              <tr key={one.id}>
                <td><Link href={`/workflows/${one.id}`}><b>{one.name ?? short(one.id)}</b></Link> {one.name && <span class="mono quiet">{short(one.id)}</span>}</td>
                <td><State state={one.status} /></td><td><Parts jobs={one.jobs} total={one.total} /></td>
                <td class="number">{count(ended(one))} / {count(one.total)}</td>
                <td class="number"><Took from={one.created_at} to={one.finished_at} /></td><td class="number"><Time at={one.created_at} /></td>
              </tr>
            ))}</tbody>
          </table></div>
        )}</Loaded>
      </Card>
    </>
  );
}

const ORDER = ["completed", "failed", "expired", "cancelled", "skipped", "running", "pending", "scheduled", "blocked", "paused"];

export function ended(one: Workflow): number {
  return ["completed", "failed", "cancelled", "skipped", "expired"].reduce((sum, state) => sum + (one.jobs[state] ?? 0), 0);
}

export function Parts({ jobs, total }: { jobs: Record<string, number>; total: number }) {
  const there = ORDER.filter((state) => jobs[state]);
  return <div class="parts" role="img" aria-label={there.map((state) => `${jobs[state]} ${state}`).join(", ")} title={there.map((state) => `${jobs[state]} ${state}`).join(", ")}>{there.filter((state) => state !== "blocked").map((state) => <i class={`tone-${toneOf(state)}`} style={{ width: `${(100 * jobs[state]!) / Math.max(total, 1)}%` }} />)}</div>;
}
