import { useState } from "preact/hooks";
import { call, type Problem } from "../../api/client";
import { me } from "../../api/session";
import type { Page, Token } from "../../api/types";
import { useLoad } from "../../data/load";
import { asProblem } from "../../parts/draft";
import { Refused, TextField, wrongOf } from "../../parts/fields";
import { Button, Command, Dialog, Empty, Loaded } from "../../parts/kit";
import { Time } from "../../parts/time";
import { attempt } from "../../parts/toast";
import { OwnPassword } from "./password";

const SCOPES: [scope: string, words: string][] = [
  ["read", "see"], ["submit", "submit jobs"], ["execute", "run, retry, resume"], ["control", "cancel, pause, edit, delete"],
  ["script", "jobs with their own code"], ["work", "as a worker"], ["account", "its own tokens"], ["administer", "everything"],
];
const list = (text: string) => text.split(",").map((one) => one.trim()).filter(Boolean);

export function Tokens() {
  const load = useLoad<Page<Token>>("api/tokens");
  const [making, make] = useState(false);
  const [changing, change] = useState(false);
  const revoke = (token: Token) => void attempt(() => call(`api/tokens/${token.id}`, { method: "DELETE" }), "Revoked").then(load.reload);
  return (
    <>
      <div class="spread" style={{ padding: "10px 14px" }}><p class="quiet">For programs that act as you, and for workers. A token is told once, when it is made.</p><span class="row">{me.value?.kind === "user" && <Button kind="small" needs="account" onClick={() => change(true)}>Change my password…</Button>}<Button kind="primary small" needs="account" onClick={() => make(true)}>Make a token</Button></span></div>
      <Loaded load={load}>{({ items }) => items.length === 0 ? <Empty title="No tokens"><p>Programs send one as <code>Authorization: Bearer …</code></p></Empty> : (
        <table><thead><tr><th>Name</th><th>For</th><th>May</th><th>Made</th><th>Expires</th><th>Last used</th><th><span class="offscreen">Actions</span></th></tr></thead>
          <tbody>{items.map((token) => <tr key={token.id}><td><b>{token.name}</b></td><td>{token.kind === "worker" ? "workers" : "programs"}</td><td class="quiet">{(token.kind === "worker" ? token.queues : token.scopes)?.join(", ") ?? "everything its owner may"}</td><td><Time at={token.created_at} /></td><td><Time at={token.expires_at} /></td><td><Time at={token.last_used_at} /></td><td class="right"><Button kind="small danger" needs="account" onClick={() => revoke(token)}>Revoke</Button></td></tr>)}</tbody></table>
      )}</Loaded>
      {changing && <OwnPassword close={() => change(false)} />}
      {making && <MakeToken close={() => { make(false); load.reload(); }} />}
    </>
  );
}

function MakeToken({ close }: { close: () => void }) {
  const [name, setName] = useState("");
  const [kind, setKind] = useState("api");
  const [days, setDays] = useState("90");
  const [scopes, setScopes] = useState<string[]>([]);
  const [queues, setQueues] = useState("");
  const [made, setMade] = useState<Token | null>(null);
  const [wrong, setWrong] = useState<Problem | null>(null);
  const narrowed = kind === "api" ? { ...(scopes.length ? { scopes } : {}) } : { ...(list(queues).length ? { queues: list(queues) } : {}) };
  const body = { name, kind, ...narrowed, ...(days ? { expires_in_seconds: Number(days) * 86_400 } : {}) };
  const save = () => void call<Token>("api/tokens", { method: "POST", body }).then(setMade, (error: unknown) => setWrong(asProblem(error)));
  return (
    <Dialog label="Make a token" onClose={close}>
      <form method="dialog" onSubmit={(event) => { event.preventDefault(); save(); }}>
        <h1>Make a token</h1>
        {made?.token ? (
          <><p>This is shown only now:</p><Command>{made.token}</Command><div class="actions"><Button kind="primary" onClick={close}>I have it</Button></div></>
        ) : (
          <>
            <label class="field">Name<input type="text" autoFocus required value={name} autoComplete="off" onInput={(event) => setName(event.currentTarget.value)} /></label>
            <label class="field">For<select value={kind} onChange={(event) => setKind(event.currentTarget.value)}><option value="api">a program that acts as me</option><option value="worker">workers</option></select></label>
            {kind === "worker" ? <TextField label="Queues" hint="with commas; empty: all" value={queues} set={setQueues} wrong={wrongOf(wrong, "/queues")} /> : (
              <fieldset class="group"><legend>May <small class="quiet">none chosen: whatever I may</small></legend>
                <div class="fields">{SCOPES.filter(([scope]) => me.value?.permissions.includes(scope)).map(([scope, words]) => <label class="row" key={scope}><input type="checkbox" checked={scopes.includes(scope)} onChange={() => setScopes(scopes.includes(scope) ? scopes.filter((one) => one !== scope) : [...scopes, scope])} /><span>{scope} <small class="quiet">{words}</small></span></label>)}</div>
              </fieldset>
            )}
            <label class="field">Days <small>empty: for ever</small><input type="number" min={1} value={days} onInput={(event) => setDays(event.currentTarget.value)} /></label>
            <Refused problem={wrong} />
            <div class="actions"><Button onClick={close}>Close</Button><button class="button primary">Make</button></div>
          </>
        )}
      </form>
    </Dialog>
  );
}
