// The one way to the API: paths under this installation's root, problems as errors.
import { authorize, signedOut } from "./session";

const given = document.documentElement.dataset["root"] ?? "./";
/** Where this installation begins, with a slash at its end; a proxy may have put it anywhere. */
export const ROOT = new URL(given, location.href).href;
/** The path that the dashboard's own paths follow, without a slash at its end. */
export const BASE = new URL(ROOT).pathname.replace(/\/$/, "");

export interface FieldError { pointer: string; detail: string }

/** What the API refused, in its own words (RFC 9457); status 0 when it could not be reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: FieldError[] = [],
  ) {
    super(detail || title);
  }
}

export interface Call { method?: string; body?: unknown; headers?: Record<string, string>; signal?: AbortSignal }

/** The decoded answer; undefined for an empty one. Raises Problem. */
export async function call<T>(path: string, { method = "GET", body, headers, signal }: Call = {}): Promise<T> {
  const answer = await send(path, {
    method,
    headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
    body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
    signal: signal ?? null,
  });
  if (!answer.ok) throw await problemOf(answer);
  const text = await answer.text();
  return (text ? parse(text) : undefined) as T;
}

/** Any answer as text, refusals too. Raises Problem when nobody answers. */
export async function ask(path: string): Promise<{ ok: boolean; text: string }> {
  const answer = await send(path, {});
  return { ok: answer.ok, text: await answer.text() };
}

async function send(path: string, request: RequestInit): Promise<Response> {
  for (const again of [true, false]) {
    let answer: Response;
    try {
      answer = await fetch(new URL(path, ROOT), { ...request, headers: await authorize(request.headers, !again) });
    } catch (error) {
      if ((error as Error).name === "AbortError") throw error;
      throw new Problem(0, "unreachable", "The coordinator cannot be reached", "It may be restarting; this page tries again.");
    }
    if (answer.status !== 401) return answer;
    if (!again) {
      signedOut();
      return answer;
    }
  }
  throw new Error("not reached");
}

async function problemOf(answer: Response): Promise<Problem> {
  try {
    const told = (await answer.json()) as { code?: string; title?: string; detail?: string; errors?: FieldError[] };
    return new Problem(answer.status, told.code ?? "", told.title ?? answer.statusText, told.detail ?? "", told.errors ?? []);
  } catch {
    return new Problem(answer.status, "", answer.statusText || `HTTP ${answer.status}`, "");
  }
}

/** A number whose digits JavaScript would change, kept as they came. */
export class Digits {
  constructor(readonly text: string) {}
  toString(): string { return this.text; }
}

const LONG = /\d{16}/;

/** JSON in which integers beyond 2^53 keep their digits, where the browser can tell them. */
export function parse(text: string): unknown {
  if (!LONG.test(text)) return JSON.parse(text); // a reviver costs more than all the rest
  const revive = (_: string, value: unknown, context?: { source?: string }) => {
    const source = context?.source;
    return typeof value === "number" && source !== undefined && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
      ? new Digits(source)
      : value;
  };
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown);
}

/** JSON text of a value that `parse` made. */
export function stringify(value: unknown, indent?: number): string {
  const raw = (JSON as unknown as { rawJSON?: (text: string) => unknown }).rawJSON;
  const replace = (_: string, item: unknown) => (item instanceof Digits && raw ? raw(item.text) : item);
  return JSON.stringify(value, replace, indent) ?? "null";
}

/** JSON text of `fields` with one more, whose JSON stays as it was typed. */
export function withRaw(fields: object, name: string, raw: string): string {
  const text = stringify(fields);
  return `${text.slice(0, -1)}${text === "{}" ? "" : ","}${JSON.stringify(name)}:${raw}}`;
}

/** JSON as somebody typed it, when it is JSON. Raises Problem that names the field. */
export function checkedJson(text: string, pointer: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    const detail = `not JSON: ${(error as Error).message}`;
    throw new Problem(0, "", "This is not JSON", "Put text into quotes, and look for a comma too many.", [{ pointer, detail }]);
  }
}
