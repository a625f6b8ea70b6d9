import { call } from "../api/client";
import type { Operation, Page } from "../api/types";
import { useLoad } from "../data/load";
import { Button, Card, count, Empty, JobLink, Loaded, Title } from "../parts/kit";
import { State } from "../parts/state";
import { Time } from "../parts/time";
import { attempt } from "../parts/toast";
import { Link } from "wouter-preact";

export default function Operations() {
  const load = useLoad<Page<Operation>>("api/operations?limit=100", ["operations"]);
  const abort = (one: Operation) => void attempt(() => call(`api/operations/${one.id}/abort`, { method: "POST", body: {} }), "Aborted").then(load.reload);
  return (
    <>
      <Title name="Operations" source={{ path: "api/operations", cli: "operations ls" }} />
      <Card title="One action on many jobs">
        <Loaded load={load}>{({ items }) => items.length === 0 ? (
          <Empty title="No operations yet"><p>Filter <Link class="link" href="/jobs">jobs</Link> or pick a group of <Link class="link" href="/dead">dead letters</Link>, then choose an action: it is counted first, runs in small steps, and can be aborted here.</p></Empty>
        ) : (
          <div class="scroll"><table>
            <thead><tr><th>Action</th><th>State</th><th style={{ minWidth: "180px" }}>Progress</th><th>Filter</th><th>By</th><th>Reason</th><th class="number">Begun</th><th><span class="offscreen">Actions</span></th></tr></thead>
            <tbody>{items.map((one) => (
              <tr key={one.id}>
                <td><b>{one.action}</b>{one.canary_job_id && <> <JobLink id={one.canary_job_id}>canary</JobLink></>}</td>
                <td><State state={one.status} note={one.status === "running" && one.phase !== "all" ? one.phase : ""} /></td>
                <td>
                  <div class="parts tone-good" role="meter" aria-label="Done" aria-valuenow={one.done} aria-valuemin={0} aria-valuemax={Math.max(one.expected, one.done)}><i style={{ width: `${(100 * one.done) / Math.max(one.expected, one.done + one.refused, 1)}%` }} /></div>
                  <span class="quiet">{count(one.done)} of {count(one.expected)}{one.expected_exact ? "" : "+"}{one.refused ? `, ${count(one.refused)} refused` : ""}</span>
                  {(one.note ?? one.last_error) && <div class="tone-bad">{one.note ?? one.last_error}</div>}
                </td>
                <td class="mono cut" style={{ maxWidth: "260px" }} title={one.filter}><Link href={`/jobs?q=${encodeURIComponent(one.filter)}`}>{one.filter}</Link></td>
                <td>{one.actor ?? "–"}</td><td class="quiet">{one.reason ?? ""}</td>
                <td class="number"><Time at={one.created_at} /></td>
                <td class="right">{one.status === "running" && <Button kind="small danger" needs="control" onClick={() => abort(one)}>Abort</Button>}</td>
              </tr>
            ))}</tbody>
          </table></div>
        )}</Loaded>
      </Card>
    </>
  );
}
