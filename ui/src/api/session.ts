// Who is signed in. Tokens are shared by the tabs of this browser; a refresh token is good once, so
// one tab at a time renews them.
import { signal } from "@preact/signals";
import type { Me } from "./types";

interface Tokens { token: string; refresh_token: string; expires_at: number }

const KEY = "tenure.session";
const LOCAL: Me = {
  id: null, name: "local", email: null, role: "admin", kind: "local",
  permissions: ["read", "submit", "execute", "control", "script", "work", "account", "administer"],
};

/** Null until the coordinator has said who asks. */
export const me = signal<Me | null>(null);
/** Set while the coordinator wants a sign-in. */
export const mustSignIn = signal(false);
/** The access token, for the stream of live events. */
export const accessToken = signal<string | null>(stored()?.token ?? null);

function stored(): Tokens | null {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null") as Tokens | null;
  } catch {
    return null;
  }
}

function store(tokens: Tokens | null): void {
  if (tokens) localStorage.setItem(KEY, JSON.stringify(tokens));
  else localStorage.removeItem(KEY);
  accessToken.value = tokens?.token ?? null;
}

addEventListener("storage", (event) => {
  if (event.key === KEY) accessToken.value = stored()?.token ?? null;
});

function root(): string {
  return new URL(document.documentElement.dataset["root"] ?? "./", location.href).href;
}
const ROOT = root();

async function post(path: string, body: unknown): Promise<Response> {
  return fetch(new URL(path, ROOT), {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
}

/** Headers with the token; `renewed` asks for a new one because the last was refused. */
export async function authorize(headers: HeadersInit | undefined, renewed: boolean): Promise<Headers> {
  const all = new Headers(headers);
  let tokens = stored();
  if (tokens && (renewed || tokens.expires_at < Date.now() + 5_000)) tokens = await renew(tokens.token);
  if (tokens) all.set("Authorization", `Bearer ${tokens.token}`);
  return all;
}

async function renew(refused: string): Promise<Tokens | null> {
  const work = async () => {
    const tokens = stored();
    if (!tokens || tokens.token !== refused) return tokens; // another tab was faster
    if (!tokens.refresh_token) {
      store(null); // a token that was pasted in: there is nothing to renew it with
      return null;
    }
    const answer = await post("api/auth/refresh", { refresh_token: tokens.refresh_token });
    if (answer.ok) keep((await answer.json()) as LoggedIn);
    else if (answer.status < 500 && answer.status !== 429) store(null);
    return stored();
  };
  return navigator.locks ? navigator.locks.request(KEY, work) : work();
}

interface LoggedIn { token: string; refresh_token: string; expires_in: number }

function keep(told: LoggedIn): void {
  store({ token: told.token, refresh_token: told.refresh_token, expires_at: Date.now() + told.expires_in * 1000 });
}

/** Signs in; the problem's text when it was refused. */
export async function signIn(login: string, password: string): Promise<string | null> {
  const answer = await post("api/auth/login", login.includes("@") ? { email: login, password } : { name: login, password });
  const told = (await answer.json().catch(() => ({}))) as LoggedIn & { detail?: string };
  if (!answer.ok) return told.detail ?? `HTTP ${answer.status}`;
  keep(told);
  await findMe();
  return null;
}

/** Signs in with a token of the kind that programs have; what was wrong with it. */
export async function signInWith(token: string): Promise<string | null> {
  store({ token, refresh_token: "", expires_at: Number.MAX_SAFE_INTEGER });
  await findMe();
  return me.value ? null : "This token is unknown here, or was revoked";
}

/** Changes one's own password and stays signed in; the problem's text when it was refused. */
export async function changePassword(current: string, next: string): Promise<string | null> {
  const headers = await authorize({ "Content-Type": "application/json" }, false);
  const body = JSON.stringify({ current_password: current, new_password: next });
  const answer = await fetch(new URL("api/auth/password", ROOT), { method: "POST", headers, body });
  const told = (await answer.json().catch(() => ({}))) as LoggedIn & { detail?: string };
  if (!answer.ok) return told.detail ?? `HTTP ${answer.status}`;
  keep(told);
  return null;
}

/** Signs out here and at the coordinator. */
export async function signOut(): Promise<void> {
  const tokens = stored();
  store(null);
  if (tokens?.refresh_token) await post("api/auth/logout", { refresh_token: tokens.refresh_token }).catch(() => undefined);
  signedOut();
}

/** The coordinator did not know who asks. */
export function signedOut(): void {
  store(null);
  me.value = null;
  mustSignIn.value = true;
}

/** Asks who we are; without authentication that is the local administrator. */
export async function findMe(): Promise<void> {
  for (const renewed of [false, true]) {
    const answer = await fetch(new URL("api/auth/me", ROOT), { headers: await authorize(undefined, renewed) }).catch(() => null);
    if (!answer) {
      setTimeout(() => void findMe(), 2_000);
      return;
    }
    if (answer.status === 401 && stored()) continue;
    if (answer.status === 401) break;
    me.value = answer.ok ? ((await answer.json()) as Me) : LOCAL;
    mustSignIn.value = false;
    return;
  }
  signedOut();
}

const WORDS: Record<string, string> = {
  execute: "submit and retry jobs", control: "cancel, pause and edit jobs", administer: "administer this installation",
  submit: "submit jobs", account: "change this account",
};

/** Why the caller may not do what needs a permission; null when it may. */
export function refusal(permission: string): string | null {
  const who = me.value;
  if (!who || who.permissions.includes(permission)) return null;
  return `Your role (${who.role}) may not ${WORDS[permission] ?? permission}`;
}
