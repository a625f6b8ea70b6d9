// A schedule as the text of a form, and back to what the API takes.
import { checkedJson, stringify, withRaw } from "../../api/client";
import type { Schedule } from "../../api/types";
import type { Values } from "../../parts/draft";
import { instant, local } from "../../parts/fields";

export const LABELS: Record<string, string> = {
  name: "Name", way: "Fires by", cron: "Cron", every: "Every", timezone: "Time zone", what: "Submits", type: "Type", queue: "Queue",
  payload: "Payload", priority: "Priority", tags: "Tags", retries: "Retries", timeout: "Timeout", flow: "Workflow", overlap: "While one still runs",
  misfire: "Missed times", misfire_after: "Missed when late by", catchup: "Made up at most from", most: "Made up at most", jitter: "Spread over", start: "From", end: "Until", paused: "Begin paused",
};
const JOB = ["type", "queue", "payload", "priority", "tags", "retries", "timeout"];
const FLOW = stringify({ jobs: [{ key: "first", type: "echo", payload: {} }, { key: "second", type: "echo", payload: {}, depends_on: ["first"] }] }, 2);
const text = (value: string | number | null | undefined) => (value === null || value === undefined ? "" : String(value));

export const BLANK: Values = {
  name: "", way: "cron", cron: "0 9 * * 1-5", every: "600", timezone: "", what: "job", type: "", queue: "default", payload: "{}", priority: "0",
  tags: "", retries: "3", timeout: "", flow: FLOW, overlap: "skip", misfire: "latest", misfire_after: "60", catchup: "", most: "100", jitter: "0", start: "", end: "", paused: "",
};

/** What has a value, all the way down: what the API tells as null is the same as not there. */
function given(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(given);
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null).map(([name, item]) => [name, name === "payload" ? item : given(item)]));
}

export function read(one: Schedule): Values {
  const job = one.job;
  return {
    name: text(one.name), way: one.cron === null ? "every" : "cron", cron: text(one.cron), every: text(one.every_seconds), timezone: one.timezone,
    what: job ? "job" : "workflow", type: text(job?.type), queue: job?.queue ?? "default", payload: job ? stringify(job.payload, 2) : "{}", priority: text(job?.priority ?? 0),
    tags: job?.tags.join(", ") ?? "", retries: text((job?.max_attempts ?? 4) - 1), timeout: text(job?.timeout_seconds), flow: one.workflow ? stringify(given(one.workflow), 2) : FLOW,
    overlap: one.overlap, misfire: one.misfire, misfire_after: text(one.misfire_after_seconds), catchup: text(one.catchup_window_seconds), most: text(one.max_catchup),
    jitter: text(one.jitter_seconds), start: local(one.start_at), end: local(one.end_at), paused: "",
  };
}

const number = (value: string) => (value === "" ? null : Number(value));
const FIELDS: Record<string, (v: Values) => [name: string, value: unknown]> = {
  name: (v) => ["name", v["name"] || null],
  timezone: (v) => ["timezone", v["timezone"] || null],
  overlap: (v) => ["overlap", v["overlap"]],
  misfire: (v) => ["misfire", v["misfire"]],
  misfire_after: (v) => ["misfire_after_seconds", number(v["misfire_after"]!)],
  catchup: (v) => ["catchup_window_seconds", number(v["catchup"]!)],
  most: (v) => ["max_catchup", number(v["most"]!)],
  jitter: (v) => ["jitter_seconds", number(v["jitter"]!)],
  start: (v) => ["start_at", instant(v["start"]!)],
  end: (v) => ["end_at", instant(v["end"]!)],
  paused: (v) => ["paused", v["paused"] === "yes"],
};

/** The whole template of the job: an edit replaces it, so what the form does not show stays in it. */
function job(v: Values, before: Schedule | null): string {
  const { payload: _, ...kept } = (given(before?.job ?? {}) ?? {}) as Record<string, unknown>;
  const fields = {
    ...kept, type: v["type"], queue: v["queue"] || "default", priority: Number(v["priority"] || 0), max_attempts: Number(v["retries"] || 0) + 1,
    tags: v["tags"]!.split(",").map((tag) => tag.trim()).filter(Boolean), timeout_seconds: number(v["timeout"]!),
  };
  return withRaw(fields, "payload", checkedJson(v["payload"]!.trim() || "{}", "/job/payload"));
}

/** What to send for these fields, as JSON text. Raises Problem when what was typed is not JSON. */
export function body(changed: string[], v: Values, before: Schedule | null): string {
  const fields = Object.fromEntries(changed.filter((name) => FIELDS[name]).map((name) => FIELDS[name]!(v)));
  const timed = changed.some((name) => name === "way" || name === v["way"]);
  const timing = v["way"] === "cron" ? { cron: v["cron"] } : { every_seconds: number(v["every"]!) };
  const whole = timed || !before ? { ...fields, ...timing } : fields;
  const replaced = changed.includes("what") || changed.some((name) => (v["what"] === "job" ? JOB.includes(name) : name === "flow"));
  if (!replaced && before) return stringify(whole);
  return v["what"] === "job" ? withRaw(whole, "job", job(v, before)) : withRaw(whole, "workflow", checkedJson(v["flow"]!, "/workflow"));
}
