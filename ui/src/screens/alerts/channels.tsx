import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { call } from "../../api/client";
import type { Channel, Delivery, Page, Rule } from "../../api/types";
import type { Load } from "../../data/load";
import { Sure } from "../../parts/ask";
import { Button, Command, Dialog, Empty, Loaded } from "../../parts/kit";
import { command } from "../../parts/shell";
import { State } from "../../parts/state";
import { Time } from "../../parts/time";
import { attempt } from "../../parts/toast";
import { ChannelForm } from "./channel-form";
import { useRules } from "./rules";
import { TestResult } from "./test-result";

const KINDS: Record<string, string> = { webhook: "webhook", email: "e-mail", apprise: "chat, SMS, …" };
export const channelPath = (channel: Channel) => `api/notifications/channels/${channel.id}`;

type Asked =
  | { act: "make" }
  | { act: "change" | "rotate" | "delete"; channel: Channel }
  | { act: "test"; channel: Channel; delivery: Delivery }
  | { act: "secret"; channel: Channel };

export function Channels({ load }: { load: Load<Page<Channel>> }) {
  const rules = useRules();
  const [asked, ask] = useState<Asked | null>(null);
  const close = () => ask(null);
  const test = (channel: Channel) => void attempt(async () => ask({ act: "test", channel, delivery: await call<Delivery>(`${channelPath(channel)}/test`, { method: "POST" }) }), `A test to ${channel.name} is on its way`);
  const made = (channel: Channel) => {
    load.reload();
    ask(channel.secret ? { act: "secret", channel } : null);
  };
  return (
    <>
      <div class="spread panel-head"><p class="quiet">A channel is a way to tell somebody. What is secret in where it leads is not shown again.</p><Button kind="primary small" needs="administer" onClick={() => ask({ act: "make" })}>Make a channel</Button></div>
      <Loaded load={load}>{({ items }) => items.length === 0 ? (
        <Empty title="No channels yet">
          <p>A webhook gets signed requests that are tried again for a day. E-mail needs <code>smtp_url</code> and <code>smtp_from</code> at the coordinator; chat, SMS and a hundred other services need <code>pip install "tenure[notify]"</code>.</p>
          <Command>{command("notify add-channel ops --webhook https://example.org/hook")}</Command>
        </Empty>
      ) : (
        <div class="scroll"><table>
          <thead><tr><th>Channel</th><th>Kind</th><th>Leads to</th><th>State</th><th>Rules</th><th><span class="offscreen">Actions</span></th></tr></thead>
          <tbody>{items.map((one) => <Row key={one.id} channel={one} rules={(rules.data?.items ?? []).filter((rule) => rule.channels.includes(one.id))} ask={ask} test={() => test(one)} reload={load.reload} />)}</tbody>
        </table></div>
      )}</Loaded>
      {asked?.act === "make" && <ChannelForm channel={null} close={close} done={made} />}
      {asked?.act === "change" && <ChannelForm channel={asked.channel} close={close} done={made} />}
      {asked?.act === "test" && <TestResult channel={asked.channel} first={asked.delivery} close={close} />}
      {asked?.act === "secret" && <Secret channel={asked.channel} close={close} />}
      {asked?.act === "rotate" && <Rotate channel={asked.channel} close={close} done={made} />}
      {asked?.act === "delete" && <Sure title={`Delete the channel ${asked.channel.name}`} button="Delete the channel" close={close} act={() => attempt(() => call(channelPath(asked.channel), { method: "DELETE" }), "Deleted").then((good) => { load.reload(); return good; })}><p>It leads to <code>{asked.channel.target}</code>. No rule names it. What is still on its way over it is not sent.</p></Sure>}
    </>
  );
}

function Row({ channel, rules, ask, test, reload }: { channel: Channel; rules: Rule[]; ask: (asked: Asked) => void; test: () => void; reload: () => void }) {
  const turn = () => void attempt(() => call(channelPath(channel), { method: "PATCH", body: { disabled: !channel.disabled } }), channel.disabled ? "It speaks again" : "Nothing more goes over it").then(reload);
  const inUse = rules.length ? `${rules.length === 1 ? "The rule" : "The rules"} ${rules.map((rule) => rule.name).join(", ")} ${rules.length === 1 ? "names" : "name"} it: change that first` : null;
  return (
    <tr>
      <td><Link href={`/alerts?tab=deliveries&channel=${encodeURIComponent(channel.name)}`} title="What was sent over it"><b>{channel.name}</b></Link></td>
      <td>{KINDS[channel.kind] ?? channel.kind}</td>
      <td class="mono leads">{channel.target.replaceAll(",", ", ")}{channel.old_secret_until && <div class="quiet">the former secret signs too, <Time at={channel.old_secret_until} /> it ends</div>}</td>
      <td><State state={channel.disabled ? "disabled" : "active"} />{channel.disabled && <div class="quiet leads">{channel.disabled_reason?.replace(/^disabled /, "")}</div>}</td>
      <td class="leads">{rules.length ? rules.map((rule) => <><span class="tag">{rule.name}</span> </>) : <span class="quiet">none</span>}</td>
      <td class="right nowrap"><span class="row acts">
        <Button kind="small" needs="administer" refused={channel.disabled ? "It is disabled" : null} onClick={test}>Test</Button>
        <Button kind="small" needs="administer" onClick={() => ask({ act: "change", channel })}>Change…</Button>
        {channel.kind === "webhook" && <Button kind="small" needs="administer" onClick={() => ask({ act: "rotate", channel })}>New secret…</Button>}
        <Button kind="small" needs="administer" onClick={turn}>{channel.disabled ? "Enable" : "Disable"}</Button>
        <Button kind="small danger" needs="administer" refused={inUse} onClick={() => ask({ act: "delete", channel })}>Delete…</Button>
      </span></td>
    </tr>
  );
}

function Rotate({ channel, close, done }: { channel: Channel; close: () => void; done: (channel: Channel) => void }) {
  const rotate = async () => {
    let made: Channel | null = null;
    const good = await attempt(async () => { made = await call<Channel>(`${channelPath(channel)}/rotate`, { method: "POST" }); }, "It has a new secret");
    if (made) done(made);
    return good && !made;
  };
  return <Sure title={`A new secret for ${channel.name}`} button="Make a new secret" close={close} act={rotate}><p>The new one is shown once. For a day both sign every message, so that the receiver can change over in peace; after that the former one is worth nothing.</p></Sure>;
}

function Secret({ channel, close }: { channel: Channel; close: () => void }) {
  return (
    <Dialog label={`The secret of ${channel.name}`} onClose={close}>
      <div class="inner">
        <h1>The secret of {channel.name}</h1>
        <p>The receiver needs it to know that a message is ours (Standard Webhooks). It is shown only now:</p>
        <Command>{channel.secret ?? ""}</Command>
        <div class="actions"><Button kind="primary" onClick={close}>I have it</Button></div>
      </div>
    </Dialog>
  );
}
