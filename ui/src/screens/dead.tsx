// Failed jobs by what they have in common: look at one, try one, then the rest.
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import type { DeadGroup, DeadGroups } from "../api/types";
import { useLoad } from "../data/load";
import { useParameter } from "../parts/address";
import { Button, Card, Command, count, Empty, JobLink, Loaded, Title } from "../parts/kit";
import { Time } from "../parts/time";
import { Confirm } from "./jobs/bulk";

export default function Dead() {
  const load = useLoad<DeadGroups>("api/dead-letters", ["jobs"], 10_000);
  const [chosen, choose] = useParameter("group");
  const [asked, ask] = useState<{ action: string; group: DeadGroup; canary: boolean } | null>(null);
  return (
    <>
      <Title name="Dead letters" source={{ path: "api/dead-letters", cli: "dlq ls" }} />
      <Card title={load.data ? `${count(load.data.failed)}${load.data.complete ? "" : "+"} jobs failed for good, by cause` : "Jobs that failed for good"}>
        <Loaded load={load}>{({ items }) => items.length === 0 ? (
          <Empty title="Nothing has failed for good"><p>A job comes here when its attempts are used up or its handler raised <code>Fail</code>. Those with the same cause stand together, so that one look and one click deal with all of them.</p><Command>tenure dlq ls</Command></Empty>
        ) : (
          <div>{items.map((group) => <Group key={group.fingerprint} group={group} open={group.fingerprint === chosen || items.length === 1} choose={() => choose(group.fingerprint === chosen ? "" : group.fingerprint)} ask={(action, canary) => ask({ action, group, canary })} />)}</div>
        )}</Loaded>
      </Card>
      {asked && <Confirm action={asked.action} filter={`status:failed fingerprint:${asked.group.fingerprint}`} canary={asked.canary} close={() => ask(null)} done={load.reload} />}
    </>
  );
}

function Group({ group, open, choose, ask }: { group: DeadGroup; open: boolean; choose: () => void; ask: (action: string, canary: boolean) => void }) {
  const filter = `/jobs?q=${encodeURIComponent(`status:failed fingerprint:${group.fingerprint}`)}`;
  const many = (counts: Record<string, number>) => Object.entries(counts).map(([name, number]) => `${name}${Object.keys(counts).length > 1 ? ` ${count(number)}` : ""}`).join(", ");
  return (
    <section style={{ borderBottom: "1px solid var(--line)", padding: "11px 14px" }}>
      <div class="spread" style={{ alignItems: "start" }}>
        <div class="grow">
          <h2 class="cut"><button type="button" class="button plain small" aria-expanded={open} onClick={choose} style={{ paddingLeft: 0 }}>{open ? "▾" : "▸"}</button><span class="tone-bad">{group.error?.type ?? "No error"}</span> {group.error?.message}</h2>
          <p class="quiet"><Link href={filter}><b style={{ color: "var(--text)" }}>{count(group.count)} {group.count === 1 ? "job" : "jobs"}</b></Link> of {many(group.types)} in {many(group.queues)} · {many(group.reasons)} · first <Time at={group.first_seen_at} />, last <Time at={group.last_seen_at} /></p>
        </div>
        <div class="row">
          <Button kind="small primary" needs="execute" onClick={() => ask("retry", group.count > 1)}>Replay…</Button>
          <Link class="button small" href={filter}>Jobs</Link>
          <Button kind="small danger" needs="control" onClick={() => ask("delete", false)}>Delete…</Button>
        </div>
      </div>
      {open && <div class="stack" style={{ paddingTop: "8px" }}><p>Sample <JobLink id={group.sample_job_id} /> <span class="quiet">fingerprint</span> <code>{group.fingerprint}</code></p>{group.error?.traceback && <pre class="block" style={{ background: "var(--sunken)", borderRadius: "8px" }} tabIndex={0}>{group.error.traceback}</pre>}</div>}
    </section>
  );
}
