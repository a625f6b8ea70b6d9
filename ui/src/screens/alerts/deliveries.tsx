// The log of what was sent, and what the receivers said.
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { call } from "../../api/client";
import type { Channel, Delivery, Page } from "../../api/types";
import { useLoad } from "../../data/load";
import { query, useParameter } from "../../parts/address";
import { Json } from "../../parts/json";
import { Button, count, Empty, Loaded, short } from "../../parts/kit";
import { State } from "../../parts/state";
import { Time } from "../../parts/time";
import { attempt } from "../../parts/toast";

const STATES = ["", "pending", "delivered", "failed"];
const PAGE = 50;

export function Deliveries({ channels }: { channels: Channel[] }) {
  const [status, setStatus] = useParameter("status");
  const [channel, setChannel] = useParameter("channel");
  const [after, setAfter] = useParameter("after");
  const load = useLoad<Page<Delivery>>(`api/notifications/deliveries${query({ status, channel, after, limit: PAGE })}`, [], after ? 0 : 3_000);
  const known = channels.map((one) => one.name);
  return (
    <>
      <div class="row panel-head">
        <div class="segments" role="group" aria-label="State">{STATES.map((one) => <button type="button" key={one} aria-pressed={one === status} onClick={() => { setAfter(""); setStatus(one); }}>{one || "all"}</button>)}</div>
        <label class="row">Channel <select value={channel} onChange={(event) => { setAfter(""); setChannel(event.currentTarget.value); }}><option value="">all</option>{(channel && !known.includes(channel) ? [channel, ...known] : known).map((one) => <option key={one} value={one}>{one}</option>)}</select></label>
        <span class="quiet">Every attempt carries the same id: whoever has seen it has seen the message.</span>
      </div>
      <Loaded load={load}>{({ items, next }) => items.length === 0 ? (
        <Empty title={status || channel ? "Nothing like this was sent" : "Nothing was sent yet"}><p>{status || channel ? "Choose another state or channel above." : "Deliveries come from rules, and from the button Test of a channel. They are tried eleven times in a day before they fail."}</p></Empty>
      ) : (
        <>
          <div class="scroll"><table>
            <thead><tr><th><span class="offscreen">More</span></th><th>State</th><th>Event</th><th>Rule</th><th>Channel</th><th class="number">Attempts</th><th>Answer</th><th class="number">Made</th><th><span class="offscreen">Actions</span></th></tr></thead>
            <tbody>{items.map((one) => <Row key={one.id} one={one} reload={load.reload} />)}</tbody>
          </table></div>
          {(next || after) && <div class="row panel-head">{after && <Button kind="small" onClick={() => setAfter("")}>Newest</Button>}{next && <Button kind="small" onClick={() => setAfter(next)}>Older</Button>}</div>}
        </>
      )}</Loaded>
    </>
  );
}

function Row({ one, reload }: { one: Delivery; reload: () => void }) {
  const [open, setOpen] = useState(false);
  const replay = () => void attempt(() => call(`api/notifications/deliveries/${one.id}/replay`, { method: "POST" }), "It is sent again, under its id").then(reload);
  return (
    <>
      <tr>
        <td><button type="button" class="button plain small" aria-expanded={open} aria-label={`More about ${one.event} at ${one.created_at}`} onClick={() => setOpen(!open)}>{open ? "▾" : "▸"}</button></td>
        <td><State state={one.status} />{one.next_at && one.attempts > 0 && <div class="quiet">again <Time at={one.next_at} /></div>}</td>
        <td><b>{one.event}</b></td><td>{one.rule ?? <span class="quiet">–</span>}</td><td>{one.channel ?? <span class="quiet">deleted</span>}</td>
        <td class="number">{count(one.attempts)}</td>
        <td class="leads">{one.error ? <span class="tone-bad">{one.error}</span> : one.response_status !== null ? `HTTP ${one.response_status}` : <span class="quiet">–</span>}</td>
        <td class="number"><Time at={one.created_at} /></td>
        <td class="right"><Button kind="small" needs="administer" refused={one.status === "pending" ? "It is still on its way" : one.channel === null ? "Its channel was deleted" : null} onClick={replay}>Replay</Button></td>
      </tr>
      {open && <tr><td colSpan={9} class="more"><div class="stack"><Answer delivery={one} /><Json value={one.body} label="Message" /></div></td></tr>}
    </>
  );
}

/** What a message is about, as a link. */
function About({ body }: { body: unknown }) {
  const data = ((body as { data?: unknown } | null)?.data ?? {}) as Record<string, { id?: unknown; name?: unknown; type?: unknown } | undefined>;
  const kind = ["job", "workflow", "schedule", "worker"].find((one) => typeof data[one]?.id === "string");
  if (!kind) return null;
  const { id, name, type } = data[kind]!;
  return <><dt>About</dt><dd>{kind} <Link class="link" href={`/${kind}s/${String(id)}`}>{String(name ?? type ?? short(String(id)))}</Link></dd></>;
}

/** What the receiver said at the last attempt. */
export function Answer({ delivery }: { delivery: Delivery }) {
  return (
    <dl class="facts">
      <About body={delivery.body} />
      <dt>Id</dt><dd class="mono">{delivery.id}</dd>
      <dt>State</dt><dd><State state={delivery.status} note={`after ${delivery.attempts} ${delivery.attempts === 1 ? "attempt" : "attempts"}`} /></dd>
      {delivery.response_status !== null && <><dt>Status</dt><dd>HTTP {delivery.response_status}</dd></>}
      {delivery.error && delivery.error !== `HTTP ${delivery.response_status}` && <><dt>Trouble</dt><dd class="tone-bad">{delivery.error}</dd></>}
      {delivery.response && <><dt>It said</dt><dd><pre class="block said" tabIndex={0}>{delivery.response}</pre></dd></>}
      {delivery.next_at && <><dt>Tried again</dt><dd><Time at={delivery.next_at} /></dd></>}
    </dl>
  );
}
