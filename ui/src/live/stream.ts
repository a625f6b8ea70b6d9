// One stream of live events, read with fetch: unlike EventSource it carries a token and shows why it
// was refused. It reconnects with the last event's id, and falls back to "read again" every few
// seconds where streams do not get through.
import type { Standing, Told } from "./events";

const REOPEN_MS = 60;
const SILENT_MS = 40_000; // the coordinator says something every 15 s
const POLL_MS = 5_000;
const FAILURES_TO_POLL = 4;

export class Stream {
  private topics: string[] = [];
  private fresh: string[] = [];
  private readonly refused = new Set<string>();
  private last: string | null = null;
  private token: string | null = null;
  private abort: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  standing: Standing = { state: "connecting", since: Date.now() };

  constructor(private readonly url: string, private readonly tell: (told: Told) => void) {}

  /** Listen to exactly these topics; none closes the stream. */
  listen(topics: Iterable<string>): void {
    const wanted = [...new Set(topics)].filter((topic) => !this.refused.has(topic)).sort();
    if (wanted.join() === this.topics.join()) return;
    this.fresh.push(...wanted.filter((topic) => !this.topics.includes(topic)));
    this.topics = wanted;
    this.reopen(REOPEN_MS);
  }

  authorize(token: string | null): void {
    if (token === this.token) return;
    this.token = token;
    this.reopen(0);
  }

  private reopen(after: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.open(), after);
  }

  private async open(): Promise<void> {
    this.abort?.abort();
    if (!this.topics.length) return;
    const abort = (this.abort = new AbortController());
    const missing = [...new Set(this.fresh)];
    try {
      const query = new URLSearchParams({ topics: this.topics.slice(0, 100).join() });
      if (this.last) query.set("after", this.last);
      const headers: Record<string, string> = this.token ? { Authorization: `Bearer ${this.token}` } : {};
      const answer = await fetch(`${this.url}?${query}`, { headers, signal: abort.signal, cache: "no-store" });
      if (answer.status === 404 || answer.status === 422) return this.drop(await answer.text());
      if (!answer.ok || !answer.body) throw new Error(String(answer.status));
      await this.read(answer.body, abort, missing);
    } catch {
      if (abort.signal.aborted && abort !== this.abort) return;
      this.failures += 1;
    }
    if (abort !== this.abort) return;
    this.wait();
  }

  /** A topic is gone or was never there: go on without it. */
  private drop(problem: string): void {
    const named = this.topics.filter((topic) => topic.includes(":"));
    const gone = named.filter((topic) => problem.includes(topic.slice(topic.indexOf(":") + 1)));
    for (const topic of gone.length ? gone : named) this.refused.add(topic);
    this.topics = this.topics.filter((topic) => !this.refused.has(topic));
    this.reopen(REOPEN_MS);
  }

  private wait(): void {
    const polling = this.failures >= FAILURES_TO_POLL;
    const pause = this.failures === 0 ? 50 : polling ? POLL_MS : Math.min(500 * 2 ** this.failures, 8_000);
    if (this.failures > 0) this.stand(polling ? "polling" : "reconnecting", Date.now() + pause);
    if (polling) this.tell({ kind: "resync", topics: null });
    this.reopen(pause);
  }

  private async read(body: ReadableStream<Uint8Array>, abort: AbortController, missing: string[]): Promise<void> {
    const reader = body.pipeThrough(new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>).getReader();
    let rest = "";
    let begun = false;
    for (;;) {
      const silent = setTimeout(() => abort.abort(), SILENT_MS);
      const { value, done } = await reader.read().finally(() => clearTimeout(silent));
      if (done) return;
      if (!begun) {
        begun = true;
        this.begin(missing);
      }
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.event(block);
    }
  }

  private begin(missing: string[]): void {
    const recovered = this.failures > 0;
    this.failures = 0;
    this.fresh = this.fresh.filter((topic) => !missing.includes(topic));
    this.stand("live");
    if (recovered && !this.last) this.tell({ kind: "resync", topics: null });
    else if (missing.length) this.tell({ kind: "resync", topics: missing });
  }

  private event(block: string): void {
    const fields = new Map(block.split("\n").map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    }));
    const id = fields.get("id");
    if (id) this.last = id;
    const data = fields.get("data");
    if (!data) return;
    const kind = fields.get("event");
    if (kind === "stats") this.tell({ kind, data: JSON.parse(data) });
    else if (kind === "change") this.tell({ kind, topic: (JSON.parse(data) as { topic: string }).topic });
    else if (kind === "resync") this.tell({ kind, topics: null });
  }

  private stand(state: Standing["state"], retryAt?: number): void {
    if (state === this.standing.state && state !== "reconnecting") return;
    const since = state === "live" || this.standing.state === "live" ? Date.now() : this.standing.since;
    this.standing = retryAt === undefined ? { state, since } : { state, since, retryAt };
    this.tell({ kind: "standing", standing: this.standing });
  }

  close(): void {
    clearTimeout(this.timer);
    this.topics = [];
    this.abort?.abort();
    this.abort = null;
  }
}
