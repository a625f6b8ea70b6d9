// What a page shows and does, as one would type it into a terminal.
import { ROOT } from "../api/client";
import { me } from "../api/session";

const LOCAL = "http://127.0.0.1:5000/";

/** One word of a shell, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A request; `body` is JSON text. Where somebody signs in, it takes a token from the environment. */
export function curl(path: string, body?: string): string {
  const token = me.value && me.value.kind !== "local" ? ' -H "Authorization: Bearer $TENURE_TOKEN"' : "";
  const sent = body === undefined ? "" : ` -H 'Content-Type: application/json' \\\n  -d ${quoted(body)}`;
  return `curl ${quoted(ROOT + path)}${token}${sent}`;
}

/** A command of `tenure`, told where this coordinator is unless that is where it looks anyway. */
export function command(words: string): string {
  return `tenure ${words}${ROOT === LOCAL ? "" : ` --url ${quoted(ROOT.replace(/\/$/, ""))}`}`;
}
