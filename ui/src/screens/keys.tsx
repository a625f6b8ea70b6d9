// Concurrency keys: how many jobs of a key go at a time.
import { useState } from "preact/hooks";
import { call, type Problem } from "../api/client";
import type { Limit, Page } from "../api/types";
import { useLoad } from "../data/load";
import { asProblem } from "../parts/draft";
import { NumberField, Refused, TextField, wrongOf } from "../parts/fields";
import { Button, Card, count, Dialog, Empty, Loaded, Meter } from "../parts/kit";
import { Time } from "../parts/time";
import { attempt, toast } from "../parts/toast";

const LISTED = 100;
const path = (key: string) => `api/limits/${encodeURIComponent(key)}`;

export function Keys() {
  const load = useLoad<Page<Limit>>(`api/limits?limit=${LISTED}`, ["jobs"], 5_000);
  const [asked, ask] = useState<Limit | "new" | null>(null);
  const done = () => {
    ask(null);
    load.reload();
  };
  return (
    <Card title="Concurrency keys" aside={<Button kind="small" needs="administer" onClick={() => ask("new")}>Set a limit…</Button>}>
      <Loaded load={load} lines={3}>{({ items, next }) => items.length === 0 ? (
        <Empty title="No key is in use"><p>Jobs with the same <code>concurrency_key</code>, a customer's number for instance, go one at a time in whatever queue they are; a limit lets more of a key go together.</p></Empty>
      ) : (
        <div class="scroll"><table>
          <thead><tr><th>Key</th><th style={{ minWidth: "150px" }}>Pending or running</th><th class="number">Waiting</th><th class="number">Set</th><th><span class="offscreen">Actions</span></th></tr></thead>
          <tbody>{items.map((one) => (
            <tr key={one.key}>
              <td class="mono leads">{one.key}</td>
              <td><div class="row"><div class="grow"><Meter value={one.admitted} of={one.max_running} label={`${one.key}: admitted of its limit`} /></div><span class="nowrap">{one.admitted} / {one.max_running}</span></div></td>
              <td class="number">{one.waiting ? count(one.waiting) : <span class="quiet">0</span>}</td>
              <td class="number">{one.updated_at ? <Time at={one.updated_at} /> : <span class="quiet">default</span>}</td>
              <td class="right nowrap"><span class="row acts">
                <Button kind="small" needs="administer" onClick={() => ask(one)}>Change…</Button>
                <Button kind="small" needs="administer" refused={one.updated_at ? null : "It has the default of one"} onClick={() => void attempt(() => call(path(one.key), { method: "DELETE" }), "It has the default of one again").then(load.reload)}>Reset</Button>
              </span></td>
            </tr>
          ))}</tbody>
        </table>{next && <p class="quiet panel-head">The first {LISTED}: <code>tenure limits ls</code> tells all.</p>}</div>
      )}</Loaded>
      {asked && <SetLimit limit={asked === "new" ? null : asked} close={() => ask(null)} done={done} />}
    </Card>
  );
}

function SetLimit({ limit, close, done }: { limit: Limit | null; close: () => void; done: () => void }) {
  const [key, setKey] = useState(limit?.key ?? "");
  const [most, setMost] = useState(String(limit?.max_running ?? 2));
  const [wrong, setWrong] = useState<Problem | null>(null);
  const title = limit ? `The limit of ${limit.key}` : "Set a limit";
  const save = () => void call(path(key), { method: "PUT", body: { max_running: Number(most) } }).then(() => { toast("Set"); done(); }, (error: unknown) => setWrong(asProblem(error)));
  return (
    <Dialog label={title} onClose={close}>
      <form method="dialog" onSubmit={(event) => { event.preventDefault(); save(); }}>
        <h1>{title}</h1>
        {!limit && <TextField label="Concurrency key" required autoFocus class="mono" maxLength={200} value={key} set={setKey} wrong={wrongOf(wrong, "/key")} />}
        <NumberField label="At a time" hint="pending or running; 0 holds them all back" required autoFocus={limit !== null} min={0} max={1_000_000} value={most} set={setMost} wrong={wrongOf(wrong, "/max_running")} />
        <Refused problem={wrong} />
        <div class="actions"><Button onClick={close}>Close</Button><button class="button primary">Set</button></div>
      </form>
    </Dialog>
  );
}
