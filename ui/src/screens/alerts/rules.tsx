import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { call } from "../../api/client";
import type { Channel, Page, Rule } from "../../api/types";
import { useLoad } from "../../data/load";
import { Sure } from "../../parts/ask";
import { Button, Command, count, Empty, Loaded } from "../../parts/kit";
import { command } from "../../parts/shell";
import { State } from "../../parts/state";
import { Time } from "../../parts/time";
import { attempt } from "../../parts/toast";
import { RuleForm } from "./rule-form";
import { ruleWords } from "./words";

const LISTED = 500;
export const rulePath = (rule: Rule) => `api/notifications/rules/${rule.id}`;

export function useRules() {
  return useLoad<Page<Rule>>(`api/notifications/rules?limit=${LISTED}`, [], 3_000);
}

export function Rules({ channels, known }: { channels: Channel[]; known: boolean }) {
  const load = useRules();
  const [asked, ask] = useState<{ act: "make" | "change" | "delete"; rule: Rule | null } | null>(null);
  const close = () => ask(null);
  const none = known && channels.length === 0 ? "There is no channel yet: make one first, on the tab Channels" : null;
  const make = <Button kind="primary small" needs="administer" refused={none} onClick={() => ask({ act: "make", rule: null })}>Make a rule</Button>;
  return (
    <>
      <div class="spread panel-head"><p class="quiet">A rule says what is told, and to whom. It is written down in the transaction in which it happens, so nothing is forgotten.</p>{make}</div>
      <Loaded load={load}>{({ items }) => items.length === 0 ? (
        <Empty title="Nobody is told of anything yet">
          <p>Make a channel to a webhook, a mailbox or a chat, then a rule: <i>when a job of the queue <code>mail</code> fails for good, tell the channel ops</i>. Rules can wait for several events within a window, stay silent for a while, and say when it is over.</p>
          <Command>{command("notify add-rule mail-fails job.failed --filter queue:mail --channel ops")}</Command>
        </Empty>
      ) : (
        <div class="scroll"><table>
          <thead><tr><th>Rule</th><th>State</th><th>What</th><th>Tells</th><th class="number">Spoke</th><th><span class="offscreen">Actions</span></th></tr></thead>
          <tbody>{items.map((rule) => <Row key={rule.id} rule={rule} channels={channels} known={known} ask={(act) => ask({ act, rule })} reload={load.reload} />)}</tbody>
        </table></div>
      )}</Loaded>
      {asked && asked.act !== "delete" && <RuleForm rule={asked.rule} channels={channels} close={close} done={() => { close(); load.reload(); }} />}
      {asked?.act === "delete" && asked.rule && <Sure title={`Delete the rule ${asked.rule.name}`} button="Delete the rule" close={close} act={() => attempt(() => call(rulePath(asked.rule!), { method: "DELETE" }), "Deleted").then((good) => { load.reload(); return good; })}><p>Nobody is told of this any more. What was sent stays in the log.</p></Sure>}
    </>
  );
}

function Row({ rule, channels, known, ask, reload }: { rule: Rule; channels: Channel[]; known: boolean; ask: (act: "change" | "delete") => void; reload: () => void }) {
  const turn = () => void attempt(() => call(rulePath(rule), { method: "PATCH", body: { enabled: !rule.enabled } }), rule.enabled ? "It is silent now" : "It speaks again, and begins to count anew").then(reload);
  return (
    <tr>
      <td><b>{rule.name}</b></td>
      <td>{!rule.enabled ? <State state="disabled" /> : rule.alarmed ? <State state="alarmed" /> : <State state="active" />}</td>
      <td>{ruleWords(rule)}{rule.filter && <div class="quiet">of those that fit <Link class="link mono" href={`/jobs?q=${encodeURIComponent(rule.filter)}`}>{rule.filter}</Link></div>}</td>
      <td>{known ? rule.channels.map((id) => <Told key={id} channel={channels.find((one) => one.id === id)} />) : <span class="quiet">{rule.channels.length === 1 ? "1 channel" : `${rule.channels.length} channels`}</span>}</td>
      <td class="number"><Time at={rule.told_at} />{rule.suppressed > 0 && <div class="quiet">{count(rule.suppressed)} passed over since</div>}</td>
      <td class="right nowrap"><span class="row acts">
        <Button kind="small" needs="administer" onClick={() => ask("change")}>Change…</Button>
        <Button kind="small" needs="administer" onClick={turn}>{rule.enabled ? "Disable" : "Enable"}</Button>
        <Button kind="small danger" needs="administer" onClick={() => ask("delete")}>Delete…</Button>
      </span></td>
    </tr>
  );
}

function Told({ channel }: { channel: Channel | undefined }) {
  if (!channel) return null;
  return <><Link class="tag" href={`/alerts?tab=deliveries&channel=${encodeURIComponent(channel.name)}`} title={channel.disabled ? "This channel is disabled" : `What was sent over ${channel.name}`}>{channel.name}</Link>{channel.disabled && <State state="disabled" />} </>;
}
