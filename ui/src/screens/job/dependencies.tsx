import { Link } from "wouter-preact";
import type { Job, WorkflowDetail } from "../../api/types";
import { useLoad } from "../../data/load";
import { Empty, JobLink, Loaded } from "../../parts/kit";
import { State } from "../../parts/state";

export function Dependencies({ job }: { job: Job }) {
  const above = job.depends_on ?? [];
  if (!above.length && !job.workflow_id) return <Empty title="It depends on no other job"><p>Jobs may wait for others with <code>depends_on</code>, or be submitted together as a workflow.</p></Empty>;
  return (
    <div class="stack" style={{ padding: "14px" }}>
      {above.length > 0 && <Above job={job} />}
      {job.workflow_id && <Below job={job} workflow={job.workflow_id} />}
    </div>
  );
}

function Above({ job }: { job: Job }) {
  return (
    <section>
      <h2>Waits for {job.join === "any" ? "any" : "all"} of</h2>
      <table><tbody>{(job.depends_on ?? []).map((one) => <Parent key={one.job_id} id={one.job_id} on={one.on} />)}</tbody></table>
    </section>
  );
}

function Parent({ id, on }: { id: string; on: string }) {
  const load = useLoad<Job>(`api/jobs/${id}`, [`job:${id}`]);
  return <tr><td><JobLink id={id} /></td><td>{load.data?.key ?? load.data?.type}</td><td>{load.data && <State state={load.data.status} />}</td><td class="quiet">on {on}</td></tr>;
}

function Below({ job, workflow }: { job: Job; workflow: string }) {
  const load = useLoad<WorkflowDetail>(`api/workflows/${workflow}`, [`workflow:${workflow}`]);
  return (
    <section>
      <h2>In workflow <Link class="link" href={`/workflows/${workflow}`}>{load.data?.name ?? "without a name"}</Link>, these wait for it</h2>
      <Loaded load={load}>{({ nodes }) => {
        const waiting = nodes.filter((node) => node.depends_on.some((edge) => edge.job_id === job.id));
        return waiting.length ? <table><tbody>{waiting.map((node) => <tr key={node.key}><td><JobLink id={node.job_id}>{node.key}</JobLink></td><td>{node.type}</td><td><State state={node.status} /></td></tr>)}</tbody></table> : <p class="quiet">None: it is at an end of the workflow.</p>;
      }}</Loaded>
    </section>
  );
}
