// Whether this coordinator is well: its store, its duties, and what each costs.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../../api/client";
import { Card, count, Empty, Skeleton } from "../../parts/kit";
import { State } from "../../parts/state";
import { span } from "../../parts/time";

interface Readiness { status: string; checks: { name: string; ok: boolean; detail: string }[] }
interface Told { ready: Readiness; metrics: Metrics }
/** Of each metric its samples: labels as they are written, and the value. */
type Metrics = Map<string, [labels: string, value: number][]>;

const EVERY_MS = 5_000;
const DUTIES: Record<string, string> = {
  promoter: "makes due jobs pending", operator: "carries out operations", ticker: "fires schedules", chainer: "chains the audit",
  courier: "sends notifications", clockwork: "keeps the clock right", pulse: "writes to the store", sweeper: "reclaims leases that ran out",
  reaper: "marks silent workers as lost", pruner: "deletes old history", snapshot: "keeps the live numbers fresh", lookout: "looks again for polls that wait", tidier: "clears up after finished jobs",
};

function parse(text: string): Metrics {
  const found: Metrics = new Map();
  for (const line of text.split("\n")) {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match) found.set(match[1]!, [...(found.get(match[1]!) ?? []), [match[2] ?? "", Number(match[3])]]);
  }
  return found;
}

const label = (labels: string, name: string) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1] ?? "";

/** How often and how long on average, by the value of one label. */
function averages(metrics: Metrics, name: string, by: string): { of: string; times: number; seconds: number }[] {
  const sums = new Map((metrics.get(`${name}_sum`) ?? []).map(([labels, value]) => [label(labels, by), value]));
  return (metrics.get(`${name}_count`) ?? []).map(([labels, times]) => {
    const of = label(labels, by);
    return { of, times, seconds: times ? (sums.get(of) ?? 0) / times : 0 };
  }).sort((a, b) => b.seconds * b.times - a.seconds * a.times);
}

function useHealth(): Told | null {
  const [told, tell] = useState<Told | null>(null);
  useEffect(() => {
    const look = async () => {
      const [ready, metrics] = await Promise.all([ask("health/ready"), ask("metrics")]);
      tell({ ready: JSON.parse(ready.text) as Readiness, metrics: parse(metrics.text) });
    };
    const again = () => void (document.hidden || look().catch(() => undefined)); // the frame says when nobody answers
    again();
    const timer = setInterval(again, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return told;
}

export function Health() {
  const told = useHealth();
  if (!told) return <Skeleton />;
  const { ready, metrics } = told;
  const info = metrics.get("tenure_info")?.[0]?.[0] ?? "";
  const duties = new Map(averages(metrics, "tenure_duty_seconds", "duty").map((one) => [one.of, one]));
  const verbs = averages(metrics, "tenure_store_seconds", "verb");
  const one = (name: string) => metrics.get(name)?.[0]?.[1] ?? 0;
  return (
    <div class="stack panel-head">
      <div class="figures">
        <Figure name="This coordinator" value={<State state={ready.status === "ok" ? "active" : "stopped"} />} note={`Tenure ${label(info, "version")}`} />
        <Figure name="Store" value={label(info, "store")} note={one("tenure_store_up") ? "takes commits" : "cannot be reached"} />
        <Figure name="Leases that ran out" value={count(one("tenure_leases_expired_total"))} note="since it started" />
        <Figure name="Reports that came too late" value={count(one("tenure_stale_reports_total"))} note="refused: somebody else had the job" />
        <Figure name="Times of schedules missed" value={count(one("tenure_schedules_missed_total"))} note="since it started" />
      </div>
      <div class="cards">
        <Card title="Duties">
          <table>
            <thead><tr><th>Duty</th><th>Beats</th><th class="number">Times</th><th class="number">Took, average</th></tr></thead>
            <tbody>{ready.checks.filter((check) => check.name !== "store").map((check) => {
              const spent = duties.get(check.name);
              return <tr key={check.name}><td><b>{check.name}</b> <span class="quiet">{DUTIES[check.name] ?? ""}</span></td><td><State state={check.ok ? "active" : "stopped"} />{check.detail}</td><td class="number">{count(spent?.times ?? 0)}</td><td class="number">{spent?.times ? exactly(spent.seconds) : "–"}</td></tr>;
            })}</tbody>
          </table>
        </Card>
        <Card title="The store's work">
          {verbs.length === 0 ? <Empty title="Nothing was asked of it yet" /> : (
            <table>
              <thead><tr><th>What</th><th class="number">Times</th><th class="number">Took, average</th><th class="number">In all</th></tr></thead>
              <tbody>{verbs.map((verb) => <tr key={verb.of}><td><b>{verb.of}</b></td><td class="number">{count(verb.times)}</td><td class="number">{exactly(verb.seconds)}</td><td class="number">{span(verb.times * verb.seconds)}</td></tr>)}</tbody>
            </table>
          )}
        </Card>
      </div>
      <p class="quiet">Told by the coordinator that answered, since it started. <code>/metrics</code> has the same and more, for Prometheus.</p>
    </div>
  );
}

/** Short spans with one digit more than people need elsewhere. */
function exactly(seconds: number): string {
  return seconds < 0.01 ? `${(seconds * 1000).toFixed(2)} ms` : span(seconds);
}

function Figure({ name, value, note }: { name: string; value: preact.ComponentChildren; note: string }) {
  return <div class="figure"><span class="name">{name}</span><span class="value">{value}</span><span class="note">{note}</span></div>;
}
