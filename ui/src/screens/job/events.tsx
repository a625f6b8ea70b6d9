import type { Job, JobEvent, Page } from "../../api/types";
import { useLoad } from "../../data/load";
import { brief } from "../../parts/json";
import { Empty, Loaded } from "../../parts/kit";
import { Time } from "../../parts/time";

export function Events({ job }: { job: Job }) {
  const load = useLoad<Page<JobEvent>>(`api/jobs/${job.id}/events`, [`job:${job.id}`]);
  return (
    <Loaded load={load}>{({ items }) => items.length === 0 ? <Empty title="Nothing out of the ordinary"><p>What people did to this job, and what the coordinator had to do for it, is told here.</p></Empty> : (
      <table>
        <thead><tr><th>When</th><th>What</th><th>Who</th><th>Why</th><th>More</th></tr></thead>
        <tbody>{items.map((one) => <tr><td><Time at={one.at} as="clock" /></td><td><b>{one.event}</b></td><td>{one.actor ?? "coordinator"}</td><td>{one.reason ?? ""}</td><td class="mono quiet">{brief(one.detail)}</td></tr>)}</tbody>
      </table>
    )}</Loaded>
  );
}
