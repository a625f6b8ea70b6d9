// A job as a line of a file.
import { stringify } from "../../api/client";
import type { Job } from "../../api/types";

export type Form = "ndjson" | "csv";
interface Writer { name: string; says: string; type: string; head: string; line: (job: Job) => string }

type Cell = [name: string, of: (job: Job) => unknown];
const CELLS: Cell[] = [
  ["id", (job) => job.id], ["name", (job) => job.name], ["type", (job) => job.type], ["queue", (job) => job.queue], ["status", (job) => job.status],
  ["reason", (job) => job.reason], ["priority", (job) => job.priority], ["attempt", (job) => job.attempt], ["max_attempts", (job) => job.max_attempts],
  ["tags", (job) => job.tags.join(" ")], ["created_at", (job) => job.created_at], ["run_at", (job) => job.run_at], ["started_at", (job) => job.started_at],
  ["finished_at", (job) => job.finished_at], ["worker_id", (job) => job.worker_id], ["workflow_id", (job) => job.workflow_id], ["schedule_id", (job) => job.schedule_id],
  ["owner_id", (job) => job.owner_id], ["error_type", (job) => job.error?.type], ["error_message", (job) => job.error?.message],
  ["payload", (job) => stringify(job.payload)], ["result", (job) => (job.result === null ? null : stringify(job.result))],
];

const NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;
const FORMULA = /^[\s\0]*[=+\-@＝＋－＠]|^[\t\r\n\0]/;

/** A text as a cell. What a spreadsheet would take for a formula gets an apostrophe before it, so that
 * a job's payload or error cannot make somebody's office program act. */
export function cell(value: unknown): string {
  const text = value === null || value === undefined ? "" : String(value);
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const FORMS: Record<Form, Writer> = {
  ndjson: { name: "NDJSON", says: "each job whole, a line of JSON", type: "application/x-ndjson", head: "", line: (job) => `${stringify(job)}\n` },
  csv: { name: "CSV", says: "for spreadsheets; payload and result as JSON text", type: "text/csv;charset=utf-8", head: `${CELLS.map(([name]) => name).join(",")}\r\n`, line: (job) => `${CELLS.map(([, of]) => cell(of(job))).join(",")}\r\n` },
};
