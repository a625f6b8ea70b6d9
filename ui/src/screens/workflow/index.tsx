// One workflow in three equal views: graph, timeline, list.
import { useMemo } from "preact/hooks";
import { Link } from "wouter-preact";
import { call } from "../../api/client";
import type { Node, WorkflowDetail } from "../../api/types";
import { useLoad } from "../../data/load";
import { useKeys } from "../../frame/keys";
import { useParameter } from "../../parts/address";
import { Button, count, Icon, JobLink, Loaded, Panel, short, Tabs, Title, Trouble } from "../../parts/kit";
import { lazy } from "../../parts/lazy";
import { Badge, State, toneOf } from "../../parts/state";
import { now, span, Time, Took } from "../../parts/time";
import { attempt } from "../../parts/toast";
import { VirtualTable } from "../../parts/virtual";
import { ended, Parts } from "../workflows";

const Graph = lazy<{ flow: WorkflowDetail; find: string }>(() => import("./graph").then((m) => m.default));

export default function WorkflowScreen({ id }: { id: string }) {
  const load = useLoad<WorkflowDetail>(`api/workflows/${id}`, [`workflow:${id}`]);
  const [view, setView] = useParameter("view", "graph");
  const [find, setFind] = useParameter("find");
  useKeys([{ keys: "1", does: "graph", run: () => setView("graph") }, { keys: "2", does: "timeline", run: () => setView("timeline") }, { keys: "3", does: "list", run: () => setView("list") }]);
  const flow = load.data;
  if (!flow) return load.problem ? <><Title name="Workflow" /><Trouble problem={load.problem} retry={load.reload} /></> : <Loaded load={load}>{() => null}</Loaded>;
  const act = (verb: string, said: string) => void attempt(() => call(`api/workflows/${id}/${verb}`, { method: "POST", body: {} }), said).then(load.reload);
  const name = flow.name ?? short(flow.id);
  const broken = (flow.jobs["failed"] ?? 0) + (flow.jobs["expired"] ?? 0) + (flow.jobs["cancelled"] ?? 0);
  return (
    <>
      <Title name={name} source={{ path: `api/workflows/${id}`, cli: `workflows show ${id}` }} actions={<div class="row"><Button needs="execute" refused={broken ? null : "Nothing in it failed, expired or was cancelled"} onClick={() => act("retry", "What failed runs again")}>Retry failed</Button><Button kind="danger" needs="control" refused={flow.finished_at ? "It has ended" : null} onClick={() => act("cancel", "Cancelled")}>Cancel</Button></div>}><span class="row"><Link href="/workflows" class="button plain small" aria-label="Workflows"><Icon name="back" /></Link>{name}</span></Title>
      <div class="row sentence"><Badge state={flow.status} /><span>{count(ended(flow))} of {count(flow.total)} jobs ended</span><div style={{ width: "220px" }}><Parts jobs={flow.jobs} total={flow.total} /></div><span class="quiet"><Took from={flow.created_at} to={flow.finished_at} />, submitted <Time at={flow.created_at} /></span></div>
      <section class="card">
        <div class="tabbar"><Tabs label="Views" tabs={[{ id: "graph", name: "Graph" }, { id: "timeline", name: "Timeline" }, { id: "list", name: "List" }]} chosen={view} choose={setView} /><input type="search" style={{ width: "190px" }} aria-label="Find in this workflow" placeholder="Find a job" value={find} onInput={(event) => setFind(event.currentTarget.value)} /></div>
        <Panel tab={view}>{view === "list" ? <List flow={flow} find={find} /> : view === "timeline" ? <Gantt flow={flow} find={find} /> : <Graph flow={flow} find={find} />}</Panel>
      </section>
    </>
  );
}

const fits = (find: string) => (node: { key: string; type: string }) => !find || `${node.key} ${node.type}`.toLowerCase().includes(find.toLowerCase());
const SHOWN = 500; // bars of the timeline

function List({ flow, find }: { flow: WorkflowDetail; find: string }) {
  const nodes = flow.nodes.filter(fits(find));
  return (
    <VirtualTable
      label="Jobs of the workflow" items={nodes} columns={6} least={760}
      head={<thead><tr><th>Job</th><th style={{ width: "16%" }}>Type</th><th style={{ width: "160px" }}>State</th><th style={{ width: "26%" }}>After</th><th class="number" style={{ width: "70px" }}>Attempt</th><th class="number" style={{ width: "90px" }}>Took</th></tr></thead>}
      row={(node, n) => <Row key={node.key} node={node} at={n} />}
    />
  );
}

function Row({ node, at }: { node: Node; at: number }) {
  const after = node.depends_on.slice(0, 20).map((edge) => `${edge.key ?? short(edge.job_id)}${edge.on === "success" ? "" : ` (${edge.on})`}`).join(node.join === "any" ? " or " : ", ");
  return <tr aria-rowindex={at + 2}><td title={node.key}><JobLink id={node.job_id}>{node.key}</JobLink></td><td>{node.type}</td><td><State state={node.status} note={node.reason ?? ""} /></td><td class="quiet" title={after}>{after}{node.depends_on.length > 20 && ` and ${count(node.depends_on.length - 20)} more`}</td><td class="number">{node.attempt}</td><td class="number"><Took from={node.started_at} to={node.finished_at} /></td></tr>;
}

function Gantt({ flow, find }: { flow: WorkflowDetail; find: string }) {
  const all = useMemo(() => flow.nodes.filter((node) => node.started_at).filter(fits(find)).sort((a, b) => (a.started_at! < b.started_at! ? -1 : 1)), [flow, find]);
  const begun = all.slice(0, SHOWN);
  const start = Date.parse(flow.created_at);
  const end = flow.finished_at ? Date.parse(flow.finished_at) : Math.max(now.value, start + 1);
  const scale = (at: number) => (100 * (at - start)) / Math.max(end - start, 1);
  return (
    <div class="waterfall" role="list" aria-label="Jobs over time">
      {begun.length === 0 && <p class="quiet">Nothing has started yet.</p>}
      {begun.map((node) => {
        const from = scale(Date.parse(node.started_at!));
        const to = scale(node.finished_at ? Date.parse(node.finished_at) : end);
        return <div class="lane" role="listitem" key={node.key}><JobLink id={node.job_id}><span class="cut" style={{ display: "block" }}>{node.key}</span></JobLink><span class="track"><i class={`tone-${toneOf(node.status)}`} style={{ left: `${from}%`, width: `${Math.max(to - from, 0.3)}%` }} /></span><span class="quiet nowrap">{node.status} · <Took from={node.started_at} to={node.finished_at} /></span></div>;
      })}
      {all.length > SHOWN && <p class="quiet">The first {SHOWN} of {count(all.length)} that have started: find others above.</p>}
      <div class="lane" aria-hidden="true"><span /><span class="axis"><span>0</span><span>{span((end - start) / 2000)}</span><span>{span((end - start) / 1000)}</span></span><span /></div>
    </div>
  );
}
