// What the graph consists of: boxes one can read and open, or from afar a few shapes for thousands.
import type { Node } from "../../api/types";
import { Glyph, toneOf } from "../../parts/state";
import { HEIGHT, type Laid, WIDTH } from "./layout";

const MOST_FAR_LINKS = 4_000;
const FIRST = ["failed", "running", "expired", "cancelled", "paused", "pending", "scheduled", "blocked", "skipped", "completed"];

interface NearProps { laid: Laid; shown: number[]; links: number[]; members: Node[][]; find: string; open: (box: number) => void }

export function Near({ laid, shown, links, members, find, open }: NearProps) {
  return (
    <>
      {links.map((n) => <path key={`l${n}`} class={`edge ${laid.links[n]!.on}`} d={curve(laid, n)} />)}
      {shown.map((n) => <Box key={laid.boxes[n]!.key} x={laid.boxes[n]!.x} y={laid.boxes[n]!.y} members={members[n]!} dim={!fits(members[n]!, find)} open={() => open(n)} />)}
    </>
  );
}

/** All boxes as one shape for each state: thousands of elements would be too many to move. */
export function Far({ laid, members, find }: { laid: Laid; members: Node[][]; find: string }) {
  const shapes = new Map<string, string[]>();
  for (const [n, { x, y }] of laid.boxes.entries()) {
    const look = `tone-${toneOf(FIRST.find((state) => members[n]!.some((node) => node.status === state)) ?? "")} ${fits(members[n]!, find) ? "" : "dim"}`;
    const shape = shapes.get(look) ?? [];
    if (!shape.length) shapes.set(look, shape);
    shape.push(`M${x} ${y}h${WIDTH}v${HEIGHT}h${-WIDTH}z`);
  }
  return (
    <g class="far">
      {laid.links.length <= MOST_FAR_LINKS && <path class="edge" d={laid.links.map((_, n) => curve(laid, n)).join("")} />}
      {[...shapes].map(([look, shape]) => <path key={look} class={look} d={shape.join("")} />)}
    </g>
  );
}

function fits(members: Node[], find: string): boolean {
  const text = find.toLowerCase();
  return !text || members.some((node) => node.key.toLowerCase().includes(text) || node.type.toLowerCase().includes(text));
}

function curve(laid: Laid, n: number): string {
  const { from, to } = laid.links[n]!;
  const [a, b] = [laid.boxes[from]!, laid.boxes[to]!];
  const [x1, y1, x2, y2] = [a.x + WIDTH, a.y + HEIGHT / 2, b.x, b.y + HEIGHT / 2];
  const bend = Math.max(24, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function Box({ x, y, members, dim, open }: { x: number; y: number; members: Node[]; dim: boolean; open: () => void }) {
  const first = members[0];
  if (!first) return null;
  const one = members.length === 1;
  const counts = new Map<string, number>();
  for (const node of members) counts.set(node.status, (counts.get(node.status) ?? 0) + 1);
  const said = one ? `${first.key}, ${first.status}` : `${members.length} of ${first.type}: ${[...counts].map(([state, n]) => `${n} ${state}`).join(", ")}`;
  return (
    <g class={`node ${dim ? "dim" : ""}`} transform={`translate(${x} ${y})`} role="link" tabindex={0} aria-label={said} onClick={open} onKeyDown={(event) => event.key === "Enter" && open()} style={{ cursor: "pointer" }}>
      <title>{said}</title>
      {!one && <rect x="4" y="4" width={WIDTH} height={HEIGHT} rx="9" />}
      <rect width={WIDTH} height={HEIGHT} rx="9" />
      {one ? <svg x="12" y="14" width="16" height="16"><Glyph state={first.status} /></svg> : <Shares counts={counts} of={members.length} />}
      <text x={one ? 36 : 12} y="19">{cut(one ? first.key : `${first.type} × ${members.length.toLocaleString("en-US")}`, one ? 19 : 22)}</text>
      <text class="sub" x={one ? 36 : 12} y={one ? 34 : 32}>{one ? cut(`${first.type} · ${first.status}`, 24) : cut(summary(counts), 30)}</text>
    </g>
  );
}

function Shares({ counts, of }: { counts: Map<string, number>; of: number }) {
  let left = 12;
  return (
    <>{[...counts].map(([state, n]) => {
      const width = ((WIDTH - 24) * n) / of;
      const bar = <rect class={`tone-${toneOf(state)}`} x={left} y={HEIGHT - 8} width={width} height="4" rx="2" style={{ fill: "currentcolor", stroke: "none" }} />;
      left += width;
      return bar;
    })}</>
  );
}

function summary(counts: Map<string, number>): string {
  const told = FIRST.filter((state) => counts.get(state)).slice(0, 2);
  return told.map((state) => `${counts.get(state)!.toLocaleString("en-US")} ${state}`).join(", ");
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
