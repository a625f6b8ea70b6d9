// How a job is to run: all optional, and the backoff drawn as it would be.
import { span } from "../../parts/time";

export interface Options {
  name: string; queue: string; priority: string; run_at: string; delay: string; timeout: string; retries: string;
  strategy: string; initial: string; key: string; tags: string; depends: string; concurrency: string;
}
export const blank: Options = { name: "", queue: "", priority: "", run_at: "", delay: "", timeout: "", retries: "", strategy: "", initial: "", key: "", tags: "", depends: "", concurrency: "" };

const list = (text: string) => text.split(",").map((one) => one.trim()).filter(Boolean);

/** Only what was filled in. */
export function body(o: Options): Record<string, unknown> {
  const policy = { ...(o.strategy ? { strategy: o.strategy } : {}), ...(o.initial ? { initial_delay_seconds: Number(o.initial) } : {}) };
  const all: [string, unknown][] = [
    ["name", o.name], ["queue", o.queue], ["priority", o.priority && Number(o.priority)], ["run_at", o.run_at && new Date(o.run_at).toISOString()],
    ["delay_seconds", o.delay && Number(o.delay)], ["timeout_seconds", o.timeout && Number(o.timeout)], ["max_retries", o.retries === "" ? "" : Number(o.retries)],
    ["retry_policy", Object.keys(policy).length ? policy : ""], ["idempotency_key", o.key], ["tags", list(o.tags).length ? list(o.tags) : ""],
    ["depends_on", list(o.depends).length ? list(o.depends) : ""], ["concurrency_key", o.concurrency],
  ];
  return Object.fromEntries(all.filter(([, value]) => value !== ""));
}

export function OptionFields({ options, change }: { options: Options; change: (options: Options) => void }) {
  const field = (name: keyof Options, title: string, rest: Record<string, unknown> = {}) => (
    <label class="field">{title}<input type="text" {...rest} value={options[name]} onInput={(event) => change({ ...options, [name]: event.currentTarget.value })} /></label>
  );
  return (
    <div class="fields">
      {field("queue", "Queue", { placeholder: "default" })}{field("priority", "Priority", { type: "number", min: -100, max: 100, placeholder: "0" })}{field("name", "Name")}
      {field("run_at", "Run at", { type: "datetime-local", step: 1 })}{field("delay", "Delay in seconds", { type: "number", min: 0 })}{field("timeout", "Timeout in seconds", { type: "number", min: 0 })}
      {field("retries", "Retries", { type: "number", min: 0, placeholder: "3" })}
      <label class="field">Backoff<select style={{ width: "100%" }} value={options.strategy} onChange={(event) => change({ ...options, strategy: event.currentTarget.value })}><option value="">exponential</option><option>linear</option><option>fixed</option></select></label>
      {field("initial", "First delay in seconds", { type: "number", min: 0, placeholder: "2" })}
      {field("tags", "Tags, with commas")}{field("key", "Idempotency key")}{field("concurrency", "Concurrency key")}{field("depends", "Depends on, job ids")}
    </div>
  );
}

export function Backoff({ options }: { options: Options }) {
  const retries = options.retries === "" ? 3 : Number(options.retries);
  const first = options.initial === "" ? 2 : Number(options.initial);
  const delays = Array.from({ length: Math.min(retries, 12) }, (_, n) => Math.min(3600, options.strategy === "fixed" ? first : options.strategy === "linear" ? first * (n + 1) : first * 2 ** n));
  const most = Math.max(...delays, 1e-9);
  if (!delays.length) return <p class="quiet">It is tried once.</p>;
  return (
    <figure class="stack" style={{ gap: "6px" }}>
      <div class="strip tone-busy" style={{ height: "36px" }} aria-hidden="true">{delays.map((delay) => <i style={{ width: "16px", height: `${Math.max(8, (100 * delay) / most)}%` }} />)}</div>
      <figcaption class="quiet">Tried again after {delays.slice(0, 5).map(span).join(", ")}{delays.length > 5 ? ", …" : ""}; given up {span(delays.reduce((a, b) => a + b, 0))} after the first failure.</figcaption>
    </figure>
  );
}
