// The shapes of the API's answers, as far as the dashboard reads them (wire/ in the Python source).

export interface Page<T> { items: T[]; next: string | null; approx_total?: number | null }
export interface Failure { type: string; message: string; traceback: string | null }
export interface Quantiles { p50: number | null; p95: number | null; p99: number | null }

export interface Job {
  id: string; name: string | null; type: string; queue: string; status: string; reason: string | null;
  priority: number; payload: unknown; result: unknown; error: Failure | null;
  attempt: number; max_attempts: number; lost: number;
  progress: { fraction: number | null; message: string | null } | null;
  tags: string[]; run_at: string | null; expires_at: string | null; created_at: string;
  started_at: string | null; finished_at: string | null; worker_id: string | null; owner_id: string | null;
  workflow_id: string | null; key: string | null; depends_on: { job_id: string; on: string }[] | null;
  join: string | null; schedule_id: string | null; nominal_at: string | null; on_lost: string;
  timeout_seconds: number | null; retry_until: string | null; concurrency_key: string | null;
  retry_policy: { strategy: string; initial_delay_seconds: number; multiplier: number; max_delay_seconds: number; jitter: number };
  unique: { key: string; scope: string } | null; cancel_requested: boolean; version: number;
}
export interface Run {
  attempt: number; fence: number; worker_id: string | null; outcome: string | null;
  started_at: string | null; finished_at: string | null; error: Failure | null; result: unknown;
}
export interface LogLine { fence: number; index: number; at: string; level: string; text: string }
export interface JobEvent { at: string; event: string; actor: string | null; reason: string | null; detail: unknown }
export interface Why {
  cause: string; detail: string; at?: string; number?: number; limit?: number; actor?: string; comment?: string;
  job_ids?: string[]; worker_id?: string; schedule_id?: string;
}
export interface Explanation { job_id: string; status: string; reasons: Why[]; estimated_start_at: string | null; as_of: string }

export interface Minute { at: string; submitted: number; completed: number; failed: number; cancelled: number; retried: number; lost: number }
export interface Pulse {
  as_of: string; active: Record<string, number>; oldest_pending_seconds: number | null;
  workers: number; slots: number; totals: Record<string, number>; minute: Minute | null; start_delay_seconds: Quantiles;
}
export interface Stats {
  as_of: string; active: Record<string, number>;
  by_queue: { queue: string; type: string; status: string; count: number }[];
  totals: Record<string, number>; last_hour: Record<string, number>; minutes: Minute[];
  start_delay_seconds: Quantiles; duration_seconds: Quantiles;
}
export interface Point extends Minute { start_delay_seconds: Quantiles; duration_seconds: Quantiles }
export interface Series { as_of: string; range_seconds: number; step_seconds: number; points: Point[] }
export interface Queue {
  name: string; counts: Record<string, number>; oldest_pending_seconds: number | null; workers: number;
  paused_at?: string | null; paused_by?: string | null; pause_reason?: string | null;
  max_running?: number | null; in_use?: number | null;
  rate?: { count: number; per_seconds: number; tokens: number; next_start_at: string | null } | null;
  aging_seconds?: number | null; version?: number;
}
export interface Queues { as_of: string; items: Queue[] }
export interface Limit {
  key: string; max_running: number; admitted: number; pending: number; running: number; waiting: number; updated_at: string | null;
}
export interface Worker {
  id: string; name: string; hostname: string; pid: number; version: string; state: string; queues: string[];
  types: string[]; slots: number; running: number; labels: Record<string, string>; registered_at: string; last_seen_at: string;
}
export type Schema = Record<string, unknown> | null;
export interface Handler {
  type: string; schema: Schema; workers: number; queues: string[];
  completed: number; failed: number; retried: number; duration_seconds: Quantiles;
}
export interface Handlers { as_of: string; items: Handler[] }
export interface DeadGroup {
  fingerprint: string; count: number; first_seen_at: string; last_seen_at: string;
  types: Record<string, number>; queues: Record<string, number>; reasons: Record<string, number>;
  sample_job_id: string; error: Failure | null;
}
export interface DeadGroups { items: DeadGroup[]; failed: number; complete: boolean }
export interface Operation {
  id: string; action: string; filter: string; queue: string | null; priority: number | null; status: string; phase: string;
  canary_job_id: string | null; actor: string | null; reason: string | null; expected: number; expected_exact: boolean;
  done: number; refused: number; last_error: string | null; note: string | null; created_at: string; finished_at: string | null;
}
export interface Preview { matched: number; applicable: number; complete: boolean; by_status: Record<string, number>; sample: string[] }
export interface Workflow {
  id: string; name: string | null; status: string; jobs: Record<string, number>; total: number;
  owner_id: string | null; created_at: string; finished_at: string | null;
}
export interface Node {
  key: string; job_id: string; type: string; name: string | null; status: string; reason: string | null; attempt: number;
  join: string; depends_on: { key: string | null; job_id: string; on: string }[]; started_at: string | null; finished_at: string | null;
}
export interface WorkflowDetail extends Workflow { nodes: Node[] }
export interface Schedule {
  id: string; name: string | null; status: string; cron: string | null; every_seconds: number | null; timezone: string;
  job: { type: string; queue: string; payload: unknown; priority: number; tags: string[]; max_attempts: number; timeout_seconds: number | null } | null;
  workflow: { name: string | null; jobs: { key: string; type: string }[] } | null;
  start_at: string | null; end_at: string | null; jitter_seconds: number; overlap: string; misfire: string;
  misfire_after_seconds: number; catchup_window_seconds: number | null; max_catchup: number; next_fire_at: string | null; last_fired_at: string | null;
  paused_at: string | null; paused_by: string | null; pause_reason: string | null; created_at: string; version: number;
}
export interface Fire {
  nominal_at: string; until_at: string; count: number; outcome: string; at: string; job_id: string | null; workflow_id: string | null;
}
export interface NextTime { at: string; local: string; note: string | null }
export interface Backfilled { preview: boolean; count: number; existing: number; items: { nominal_at: string; local: string; job_id: string | null }[] }
export interface Me {
  id: string | null; name: string; email: string | null; role: string; kind: string; permissions: string[];
}
export interface User {
  id: string; name: string | null; email: string | null; role: string; disabled: boolean; has_password: boolean;
  created_at: string; last_login_at: string | null;
}
export interface Token {
  id: string; kind: string; name: string; user_id: string | null; scopes: string[] | null; queues: string[] | null;
  created_at: string; expires_at: string | null; last_used_at: string | null; token?: string;
}
export interface AuditLine {
  id: string; at: string; action: string; actor: string | null; role: string | null; address: string | null;
  target: string | null; target_id: string | null; reason: string | null; before: unknown; after: unknown; place: number | null;
}
export interface Upcoming { job_id: string; type: string; queue: string; priority: number; run_at: string }
export interface Channel {
  id: string; name: string; kind: string; target: string; disabled: boolean; disabled_reason: string | null;
  old_secret_until: string | null; created_at: string; secret?: string | null;
}
export interface Rule {
  id: string; name: string; event: string; filter: string | null; channels: string[]; threshold: number;
  window_seconds: number; cool_down_seconds: number; recovery: boolean; enabled: boolean;
  told_at: string | null; suppressed: number; alarmed: boolean; created_at: string;
}
export interface Delivery {
  id: string; channel_id: string; channel: string | null; rule: string | null; event: string; status: string;
  attempts: number; next_at: string | null; response_status: number | null; response: string | null;
  error: string | null; body: unknown; created_at: string; finished_at: string | null;
}
