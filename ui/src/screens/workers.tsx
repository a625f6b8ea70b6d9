import { Link } from "wouter-preact";
import { call } from "../api/client";
import type { Page, Worker } from "../api/types";
import { useLoad } from "../data/load";
import { useParameter } from "../parts/address";
import { Button, Card, Command, Empty, Loaded, Meter, Title } from "../parts/kit";
import { State } from "../parts/state";
import { Time } from "../parts/time";
import { attempt } from "../parts/toast";

export default function Workers() {
  const load = useLoad<Page<Worker>>("api/workers", ["workers"], 5_000);
  const [gone, setGone] = useParameter("gone");
  return (
    <>
      <Title name="Workers" source={{ path: "api/workers", cli: "workers ls" }} actions={<label class="row"><input type="checkbox" checked={gone === "yes"} onChange={() => setGone(gone ? "" : "yes")} /> Show those that left</label>} />
      <Card title="Processes that run handlers">
        <Loaded load={load}>{({ items }) => {
          const shown = items.filter((one) => gone || one.state !== "gone");
          return shown.length === 0 ? (
            <Empty title="No worker is online"><p>Start one on any machine that reaches this address; it needs no other set-up.</p><Command>{`tenure worker app.py --url ${location.origin}`}</Command></Empty>
          ) : (
            <div class="scroll"><table>
              <thead><tr><th>Worker</th><th>State</th><th style={{ minWidth: "160px" }}>Slots</th><th>Queues</th><th>Handlers</th><th>Host</th><th>Version</th><th class="number">Heard</th><th><span class="offscreen">Actions</span></th></tr></thead>
              <tbody>{shown.map((one) => (
                <tr key={one.id}>
                  <td><Link href={`/workers/${one.id}`}><b>{one.name}</b></Link></td><td><State state={one.state} /></td>
                  <td><div class="row"><div class="grow"><Meter value={one.running} of={one.slots} label={`Slots of ${one.name}`} /></div><span class="nowrap">{one.running} / {one.slots}</span></div></td>
                  <td>{one.queues.map((queue) => <><Link class="tag" href={`/queues/${encodeURIComponent(queue)}`}>{queue}</Link> </>)}</td>
                  <td title={one.types.join(", ")}>{one.types.slice(0, 3).map((type) => <><span class="tag">{type}</span> </>)}{one.types.length > 3 && <span class="quiet">and {one.types.length - 3}</span>}</td>
                  <td class="quiet">{one.hostname}:{one.pid}</td><td class="quiet">{one.version}</td><td class="number"><Time at={one.last_seen_at} /></td>
                  <td class="right"><Drain worker={one} reload={load.reload} /></td>
                </tr>
              ))}</tbody>
            </table></div>
          );
        }}</Loaded>
      </Card>
    </>
  );
}

export function Drain({ worker, reload }: { worker: Worker; reload: () => void }) {
  if (worker.state === "gone" || worker.state === "lost") return null;
  const drain = () => void attempt(() => call(`api/workers/${worker.id}/drain`, { method: "POST" }), `${worker.name} finishes what it has and leaves`).then(reload);
  return <Button kind="small" needs="administer" refused={worker.state === "draining" ? "It drains already" : null} onClick={drain}>Drain</Button>;
}
