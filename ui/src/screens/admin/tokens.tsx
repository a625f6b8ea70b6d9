import { useState } from "preact/hooks";
import { call } from "../../api/client";
import type { Page, Token } from "../../api/types";
import { useLoad } from "../../data/load";
import { Button, Command, Dialog, Empty, Loaded } from "../../parts/kit";
import { Time } from "../../parts/time";
import { attempt } from "../../parts/toast";

export function Tokens() {
  const load = useLoad<Page<Token>>("api/tokens");
  const [making, make] = useState(false);
  const revoke = (token: Token) => void attempt(() => call(`api/tokens/${token.id}`, { method: "DELETE" }), "Revoked").then(load.reload);
  return (
    <>
      <div class="spread" style={{ padding: "10px 14px" }}><p class="quiet">For programs that act as you, and for workers. A token is told once, when it is made.</p><Button kind="primary small" needs="account" onClick={() => make(true)}>Make a token</Button></div>
      <Loaded load={load}>{({ items }) => items.length === 0 ? <Empty title="No tokens"><p>Programs send one as <code>Authorization: Bearer …</code></p></Empty> : (
        <table><thead><tr><th>Name</th><th>For</th><th>May</th><th>Made</th><th>Expires</th><th>Last used</th><th><span class="offscreen">Actions</span></th></tr></thead>
          <tbody>{items.map((token) => <tr key={token.id}><td><b>{token.name}</b></td><td>{token.kind === "worker" ? "workers" : "programs"}</td><td class="quiet">{(token.kind === "worker" ? token.queues : token.scopes)?.join(", ") ?? "everything its owner may"}</td><td><Time at={token.created_at} /></td><td><Time at={token.expires_at} /></td><td><Time at={token.last_used_at} /></td><td class="right"><Button kind="small danger" needs="account" onClick={() => revoke(token)}>Revoke</Button></td></tr>)}</tbody></table>
      )}</Loaded>
      {making && <MakeToken close={() => { make(false); load.reload(); }} />}
    </>
  );
}

function MakeToken({ close }: { close: () => void }) {
  const [name, setName] = useState("");
  const [kind, setKind] = useState("api");
  const [days, setDays] = useState("90");
  const [made, setMade] = useState<Token | null>(null);
  const save = () => void attempt(async () => setMade(await call<Token>("api/tokens", { method: "POST", body: { name, kind, ...(days ? { expires_in_seconds: Number(days) * 86_400 } : {}) } })), "Made");
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
            <label class="field">Days <small>empty: for ever</small><input type="number" min={1} value={days} onInput={(event) => setDays(event.currentTarget.value)} /></label>
            <div class="actions"><Button onClick={close}>Close</Button><button class="button primary">Make</button></div>
          </>
        )}
      </form>
    </Dialog>
  );
}
