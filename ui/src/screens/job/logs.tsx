// The log as it grows: followed, found, linked by line. Rows have any height, so virtua keeps them.
import { useEffect, useRef, useState } from "preact/hooks";
import { VList, type VListHandle } from "virtua";
import { call } from "../../api/client";
import type { Job, LogLine, Page } from "../../api/types";
import { paused, watch } from "../../live/live";
import { query } from "../../parts/address";
import { Button, Copy, count, Empty } from "../../parts/kit";
import { Time } from "../../parts/time";
import { tones } from "./ansi";

const LEVELS = ["debug", "info", "warning", "error"];
const LEVEL_TONES: Record<string, string> = { warning: "tone-warn", error: "tone-bad", critical: "tone-bad", debug: "quiet" };

function useLog(job: Job): { lines: LogLine[]; loaded: boolean } {
  const [lines, setLines] = useState<LogLine[]>([]);
  const [loaded, setLoaded] = useState(false);
  const state = useRef({ after: null as string | null, busy: false, again: false });
  useEffect(() => {
    let gone = false;
    const read = async (): Promise<void> => {
      const now = state.current;
      if (now.busy) {
        now.again = true;
        return;
      }
      now.busy = true;
      try {
        do {
          now.again = false;
          const page = await call<Page<LogLine> & { next: string | null }>(`api/jobs/${job.id}/logs${query({ after: now.after, limit: 500 })}`);
          if (gone) return;
          if (page.items.length) setLines((before) => merge(before, page.items));
          if (page.next) now.after = page.next;
          now.again ||= page.next !== null && page.items.length > 0;
          setLoaded(true);
        } while (now.again);
      } catch {
        setLoaded(true);
      } finally {
        now.busy = false;
      }
    };
    void read();
    const unwatch = watch([`job:${job.id}`], () => void read());
    return () => {
      gone = true;
      unwatch();
    };
  }, [job.id]);
  return { lines, loaded };
}

function merge(before: LogLine[], more: LogLine[]): LogLine[] {
  const last = before[before.length - 1];
  const fresh = last ? more.filter((line) => line.fence > last.fence || (line.fence === last.fence && line.index > last.index)) : more;
  return fresh.length ? [...before, ...fresh] : before;
}

export default function Logs({ job }: { job: Job }) {
  const { lines, loaded } = useLog(job);
  const [follow, setFollow] = useState(!location.hash);
  const [find, setFind] = useState("");
  const [least, setLeast] = useState("debug");
  const [wrap, setWrap] = useState(true);
  const list = useRef<VListHandle>(null);
  const wanted = Number(/^#L(\d+)$/.exec(location.hash)?.[1] ?? 0);
  const shown = lines.map((line, n) => ({ line, n: n + 1 })).filter(({ line }) => LEVELS.indexOf(least) <= Math.max(LEVELS.indexOf(line.level), line.level === "critical" ? 3 : 0) && (!find || line.text.toLowerCase().includes(find.toLowerCase())));
  useEffect(() => {
    if (follow && !paused.value && shown.length) list.current?.scrollToIndex(shown.length - 1, { align: "end" });
  }, [shown.length, follow]);
  useEffect(() => {
    if (wanted && shown.length >= wanted) list.current?.scrollToIndex(wanted - 1, { align: "center" });
  }, [wanted, shown.length >= wanted]);
  if (loaded && !lines.length) return <Empty title="No log lines"><p>What a handler says with <code>ctx.log</code>, and what scripts print, is shown here as it comes.</p></Empty>;
  return (
    <div>
      <div class="row" style={{ padding: "8px 14px" }}>
        <input type="search" style={{ width: "200px" }} aria-label="Find in the log" placeholder="Find" value={find} onInput={(event) => setFind(event.currentTarget.value)} />
        <select aria-label="Least level" value={least} onChange={(event) => setLeast(event.currentTarget.value)}>{LEVELS.map((level) => <option value={level}>{level}</option>)}</select>
        <label class="row"><input type="checkbox" checked={follow} onChange={() => setFollow(!follow)} /> Follow</label>
        <label class="row"><input type="checkbox" checked={wrap} onChange={() => setWrap(!wrap)} /> Wrap</label>
        <span class="grow quiet right">{count(shown.length)} of {count(lines.length)} lines</span>
        <Copy text={shown.map(({ line }) => `${line.at} ${line.level} ${line.text}`).join("\n")} label="Copy the log">Copy</Copy>
        <Button kind="small" onClick={() => download(job.id, lines)}>Download</Button>
      </div>
      <div class="log" role="log" aria-label="Log" tabIndex={0}>
        <VList ref={list as never} style={{ height: "100%" }}>
          {shown.map(({ line, n }) => (
            <div key={`${line.fence}.${line.index}`} class={`line ${wrap ? "" : "nowrap"} ${n === wanted ? "target" : ""}`}>
              <a href={`?tab=logs#L${n}`}>{n}</a><span class="quiet"><Time at={line.at} as="clock" /></span><span class={LEVEL_TONES[line.level] ?? ""}>{line.level}</span><span>{marked(line.text, find)}</span>
            </div>
          ))}
        </VList>
      </div>
    </div>
  );
}

function marked(text: string, find: string) {
  if (!find) return tones(text).map((part) => part.tone ? <span class={part.tone}>{part.text}</span> : part.text);
  const plain = tones(text).map((part) => part.text).join("");
  const at = plain.toLowerCase().indexOf(find.toLowerCase());
  return at < 0 ? plain : <>{plain.slice(0, at)}<mark>{plain.slice(at, at + find.length)}</mark>{plain.slice(at + find.length)}</>;
}

function download(id: string, lines: LogLine[]): void {
  const text = lines.map((line) => `${line.at} ${line.level} ${line.text}`).join("\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = `${id}.log`;
  link.click();
  URL.revokeObjectURL(link.href);
}
