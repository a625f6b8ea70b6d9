// Rules in words.
import type { Rule } from "../../api/types";
import { span } from "../../parts/time";

export const EVENTS: [event: string, one: string, many: string][] = [
  ["job.failed", "a job fails for good", "jobs fail for good"],
  ["job.lost", "a job loses its worker", "jobs lose their workers"],
  ["job.expired", "a job expires", "jobs expire"],
  ["job.cancelled", "a job is cancelled", "jobs are cancelled"],
  ["job.completed", "a job completes", "jobs complete"],
  ["workflow.failed", "a workflow ends with failures", "workflows end with failures"],
  ["workflow.finished", "a workflow ends", "workflows end"],
  ["schedule.missed", "a schedule misses a time", "times of schedules are missed"],
  ["worker.lost", "a worker falls silent", "workers fall silent"],
];

type Terms = Pick<Rule, "event" | "threshold" | "window_seconds" | "cool_down_seconds" | "recovery">;

/** `When 5 jobs fail for good within 10 m; then silent for 1 h; says when it is over`. */
export function ruleWords(rule: Terms): string {
  const [, one, many] = EVENTS.find(([event]) => event === rule.event) ?? ["", rule.event, rule.event];
  const window = span(rule.window_seconds);
  return [
    rule.threshold > 1 ? `When ${rule.threshold} ${many} within ${window}` : `When ${one}`,
    rule.cool_down_seconds > 0 && `then silent for ${span(rule.cool_down_seconds)}`,
    rule.recovery && `says so when ${window} pass without another`,
  ].filter(Boolean).join("; ");
}
