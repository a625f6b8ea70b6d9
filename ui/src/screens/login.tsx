// Signing in: by name and password, or with a token, which is how the first administrator comes in.
import { useEffect, useState } from "preact/hooks";
import { signIn, signInWith } from "../api/session";

export default function SignIn() {
  const [byToken, setByToken] = useState(false);
  const [login, setLogin] = useState("");
  const [secret, setSecret] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Sign in · Tenure";
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setWrong(await (byToken ? signInWith(secret.trim()) : signIn(login, secret)).catch(() => "The coordinator cannot be reached"));
    setBusy(false);
  };
  return (
    <main class="sign">
      <form onSubmit={(event) => void submit(event)}>
        <h1>Sign in to Tenure</h1>
        {wrong && <div class="problem" role="alert"><p>{wrong}</p></div>}
        {!byToken && <label class="field">E-mail or name<input type="text" name="username" autoComplete="username" required autoFocus value={login} onInput={(event) => setLogin(event.currentTarget.value)} /></label>}
        <label class="field">{byToken ? "Token" : "Password"}<input type="password" name="password" autoComplete={byToken ? "off" : "current-password"} required value={secret} onInput={(event) => setSecret(event.currentTarget.value)} /></label>
        <button class="button primary" disabled={busy}>{busy ? "Signing in…" : "Sign in"}</button>
        <button type="button" class="button plain" onClick={() => { setByToken(!byToken); setSecret(""); setWrong(null); }}>{byToken ? "Use a password" : "Use a token"}</button>
        <p class="quiet">{byToken ? <>The first administrator finds one in the file <code>tenure-admin.token</code> beside the database.</> : <>No account yet? An administrator makes one: <code>tenure users add NAME</code></>}</p>
      </form>
    </main>
  );
}
