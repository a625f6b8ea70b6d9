import type { AuditLine, Page } from "../../api/types";
import { useLoad } from "../../data/load";
import { query, useParameter } from "../../parts/address";
import { brief } from "../../parts/json";
import { Empty, Loaded, short } from "../../parts/kit";
import { Time } from "../../parts/time";

export function Audit() {
  const [actor, setActor] = useParameter("actor");
  const [action, setAction] = useParameter("action");
  const load = useLoad<Page<AuditLine>>(`api/audit${query({ actor, action, limit: 200 })}`, [], 10_000);
  return (
    <>
      <div class="row" style={{ padding: "10px 14px" }}>
        <input type="search" style={{ width: "200px" }} aria-label="By whom" placeholder="By whom" value={actor} onChange={(event) => setActor(event.currentTarget.value)} />
        <input type="search" style={{ width: "200px" }} aria-label="Which act" placeholder="Which act" value={action} onChange={(event) => setAction(event.currentTarget.value)} />
        <span class="quiet">Each line is chained to the one before: <code>tenure verify</code> finds a changed one.</span>
      </div>
      <Loaded load={load}>{({ items }) => items.length === 0 ? <Empty title="Nothing to show"><p>Acts of administration, and sign-ins, are recorded here and never changed.</p></Empty> : (
        <div class="scroll"><table><thead><tr><th>When</th><th>Act</th><th>Who</th><th>From</th><th>To what</th><th>Reason</th><th>Before and after</th></tr></thead>
          <tbody>{items.map((line) => <tr key={line.id}><td class="nowrap"><Time at={line.at} as="clock" /></td><td><b>{line.action}</b></td><td>{line.actor ?? "local"}</td><td class="mono quiet">{line.address ?? ""}</td><td>{line.target} <span class="mono quiet">{line.target_id ? short(line.target_id) : ""}</span></td><td>{line.reason ?? ""}</td><td class="mono quiet cut" style={{ maxWidth: "340px" }}>{line.before != null && `${brief(line.before, 80)} → `}{brief(line.after, 80)}</td></tr>)}</tbody></table></div>
      )}</Loaded>
    </>
  );
}
