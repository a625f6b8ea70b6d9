import { useState } from "preact/hooks";
import { call } from "../../api/client";
import type { Page, User } from "../../api/types";
import { useLoad } from "../../data/load";
import { Sure } from "../../parts/ask";
import { Button, Command, Dialog, Empty, Loaded } from "../../parts/kit";
import { State } from "../../parts/state";
import { Time } from "../../parts/time";
import { attempt } from "../../parts/toast";
import { SetPassword } from "./password";

const ROLES = ["admin", "user", "viewer"];

export function Users() {
  const load = useLoad<Page<User>>("api/users");
  const [adding, add] = useState(false);
  const [asked, ask] = useState<{ act: "password" | "delete"; user: User } | null>(null);
  const change = (user: User, body: object, said: string) => void attempt(() => call(`api/users/${user.id}`, { method: "PATCH", body }), said).then(load.reload);
  return (
    <>
      <div class="spread" style={{ padding: "10px 14px" }}><p class="quiet">Viewers read; users submit and act on their own jobs; administrators may do everything.</p><Button kind="primary small" needs="administer" onClick={() => add(true)}>Add a user</Button></div>
      <Loaded load={load}>{({ items }) => items.length === 0 ? <Empty title="No users yet"><p>They matter once the coordinator asks for a sign-in.</p><Command>tenure users add --role admin NAME</Command></Empty> : (
        <table><thead><tr><th>User</th><th>E-mail</th><th>Role</th><th>State</th><th>Last sign-in</th><th><span class="offscreen">Actions</span></th></tr></thead>
          <tbody>{items.map((user) => (
            <tr key={user.id}>
              <td><b>{user.name ?? user.email}</b></td><td class="quiet">{user.email ?? "–"}</td>
              <td><select aria-label={`Role of ${user.name ?? user.email}`} value={user.role} onChange={(event) => change(user, { role: event.currentTarget.value }, "Role changed")}>{ROLES.map((role) => <option>{role}</option>)}</select></td>
              <td>{user.disabled ? <State state="paused" note="locked out" /> : <State state="active" />}</td><td><Time at={user.last_login_at} /></td>
              <td class="right"><span class="row acts">
                <Button kind="small" needs="administer" onClick={() => ask({ act: "password", user })}>Set password…</Button>
                <Button kind="small" needs="administer" onClick={() => change(user, { disabled: !user.disabled }, user.disabled ? "Let in again" : "Locked out")}>{user.disabled ? "Let in" : "Lock out"}</Button>
                <Button kind="small danger" needs="administer" onClick={() => ask({ act: "delete", user })}>Delete…</Button>
              </span></td>
            </tr>
          ))}</tbody></table>
      )}</Loaded>
      {asked?.act === "password" && <SetPassword user={asked.user} close={() => { ask(null); load.reload(); }} />}
      {asked?.act === "delete" && <Sure title={`Delete ${asked.user.name ?? asked.user.email}`} button="Delete the account" close={() => ask(null)} act={() => attempt(() => call(`api/users/${asked.user.id}`, { method: "DELETE" }), "Deleted").then((good) => { load.reload(); return good; })}><p>The account goes with its logins and tokens, within a second everywhere. Its jobs, schedules and workflows stay.</p></Sure>}
      {adding && <AddUser close={() => { add(false); load.reload(); }} />}
    </>
  );
}

function AddUser({ close }: { close: () => void }) {
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState("user");
  const save = () => void attempt(() => call("api/users", { method: "POST", body: { role, ...(name ? { name } : {}), ...(email ? { email } : {}), ...(password ? { password } : {}) } }), "Added").then((good) => good && close());
  return (
    <Dialog label="Add a user" onClose={close}>
      <form method="dialog" onSubmit={(event) => { event.preventDefault(); save(); }}>
        <h1>Add a user</h1>
        <label class="field">Name<input type="text" autoFocus value={name} autoComplete="off" onInput={(event) => setName(event.currentTarget.value)} /></label>
        <label class="field">E-mail<input type="email" value={email} autoComplete="off" onInput={(event) => setEmail(event.currentTarget.value)} /></label>
        <label class="field">Password <small>8 characters or more</small><input type="password" autoComplete="new-password" value={password} onInput={(event) => setPassword(event.currentTarget.value)} /></label>
        <label class="field">Role<select value={role} onChange={(event) => setRole(event.currentTarget.value)}>{ROLES.map((one) => <option>{one}</option>)}</select></label>
        <div class="actions"><Button onClick={close}>Close</Button><button class="button primary" disabled={!name && !email}>Add</button></div>
      </form>
    </Dialog>
  );
}
