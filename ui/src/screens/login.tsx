import { useEffect, useState } from "preact/hooks";
import { signIn } from "../api/session";

export default function SignIn() {
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Sign in · Tenure";
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setWrong(await signIn(login, password).catch(() => "The coordinator cannot be reached"));
    setBusy(false);
  };
  return (
    <main class="sign">
      <form onSubmit={(event) => void submit(event)}>
        <h1>Sign in to Tenure</h1>
        {wrong && <div class="problem" role="alert"><p>{wrong}</p></div>}
        <label class="field">E-mail or name<input type="text" name="username" autoComplete="username" required autoFocus value={login} onInput={(event) => setLogin(event.currentTarget.value)} /></label>
        <label class="field">Password<input type="password" name="password" autoComplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} /></label>
        <button class="button primary" disabled={busy}>{busy ? "Signing in…" : "Sign in"}</button>
        <p class="quiet">No account yet? An administrator makes one: <code>tenure users add NAME</code></p>
      </form>
    </main>
  );
}
