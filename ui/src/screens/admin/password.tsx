// Passwords: one's own, and as an administrator somebody's.
import { useState } from "preact/hooks";
import { call, Problem } from "../../api/client";
import { changePassword } from "../../api/session";
import type { User } from "../../api/types";
import { asProblem } from "../../parts/draft";
import { Refused } from "../../parts/fields";
import { Button, Dialog } from "../../parts/kit";
import { toast } from "../../parts/toast";

const LEAST = 8;

/** One's own; every other login of this account ends. */
export function OwnPassword({ close }: { close: () => void }) {
  const change = async (current: string, next: string) => {
    const refused = await changePassword(current, next);
    if (refused) throw new Problem(0, "", "It was not changed", refused);
    toast("Changed; your other logins have ended");
  };
  return <Ask title="Change my password" said="Every other login of yours ends." own change={change} close={close} />;
}

export function SetPassword({ user, close }: { user: User; close: () => void }) {
  const change = async (_: string, next: string) => {
    await call(`api/users/${user.id}/password`, { method: "POST", body: { password: next } });
    toast("Set; every login of it has ended");
  };
  return <Ask title={`Set the password of ${user.name ?? user.email}`} said="Every login of this account ends. Tell the new password over a way that others do not read." change={change} close={close} />;
}

interface Asked { title: string; said: string; own?: boolean; change: (current: string, next: string) => Promise<void>; close: () => void }

function Ask({ title, said, own = false, change, close }: Asked) {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [wrong, setWrong] = useState<Problem | null>(null);
  const save = () => void change(current, next).then(close, (error: unknown) => setWrong(asProblem(error)));
  return (
    <Dialog label={title} onClose={close}>
      <form method="dialog" onSubmit={(event) => { event.preventDefault(); save(); }}>
        <h1>{title}</h1>
        <p class="quiet">{said}</p>
        {own && <label class="field">Current password<input type="password" autoFocus required autoComplete="current-password" value={current} onInput={(event) => setCurrent(event.currentTarget.value)} /></label>}
        <label class="field"><span>New password <small>{LEAST} characters or more</small></span><input type="password" autoFocus={!own} required minLength={LEAST} autoComplete="new-password" value={next} onInput={(event) => setNext(event.currentTarget.value)} /></label>
        <Refused problem={wrong} />
        <div class="actions"><Button onClick={close}>Close</Button><button class="button primary">{own ? "Change" : "Set"}</button></div>
      </form>
    </Dialog>
  );
}
