// The graph: drag to move, wheel or buttons to zoom; the list is its twin for those who cannot see it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import type { Node, WorkflowDetail } from "../../api/types";
import { Button } from "../../parts/kit";
import { Glyph, toneOf } from "../../parts/state";
import { HEIGHT, layOut, type Laid, WIDTH } from "./layout";

interface View { x: number; y: number; scale: number }

export default function Graph({ flow, find }: { flow: WorkflowDetail; find: string }) {
  const shape = flow.nodes.map((node) => node.key + node.depends_on.map((edge) => edge.key).join()).join(";");
  const laid = useMemo(() => layOut(flow.nodes.map((node) => ({ key: node.key, type: node.type, after: node.depends_on.filter((edge) => edge.key !== null).map((edge) => ({ key: edge.key!, on: edge.on })) }))), [shape]);
  const nodes = new Map(flow.nodes.map((node) => [node.key, node]));
  const picture = useRef<SVGSVGElement>(null);
  const [view, setView] = useState<View | null>(null);
  const drag = useRef<{ x: number; y: number; view: View } | null>(null);
  const [, drawn] = useState(false);
  useEffect(() => drawn(true), []); // the size is known from the second time on
  const fit = fitted(laid, picture.current);
  const now = view ?? fit;
  const zoom = (by: number) => setView({ ...now, scale: Math.min(3, Math.max(0.05, now.scale * by)) });
  return (
    <div style={{ position: "relative" }}>
      <div class="row" style={{ position: "absolute", right: "12px", top: "10px", zIndex: 2 }}>
        <Button kind="small" aria-label="Zoom in" onClick={() => zoom(1.25)}>+</Button><Button kind="small" aria-label="Zoom out" onClick={() => zoom(0.8)}>−</Button><Button kind="small" onClick={() => setView(null)}>Fit</Button>
      </div>
      <svg
        ref={picture} class="graph" style={{ height: `min(62vh, ${Math.max(240, laid.height + 120)}px)` }} role="group" aria-label="Graph of the jobs; the list shows the same"
        onPointerDown={(event) => { if ((event.target as Element).closest(".node")) return; drag.current = { x: event.clientX, y: event.clientY, view: now }; event.currentTarget.setPointerCapture(event.pointerId); }}
        onPointerMove={(event) => drag.current && setView({ ...drag.current.view, x: drag.current.view.x + event.clientX - drag.current.x, y: drag.current.view.y + event.clientY - drag.current.y })}
        onPointerUp={() => (drag.current = null)}
        onWheel={(event) => { if (!event.ctrlKey && !event.metaKey && Math.abs(event.deltaY) < 4) return; event.preventDefault(); zoom(event.deltaY < 0 ? 1.12 : 0.89); }}
      >
        <g transform={`translate(${now.x} ${now.y}) scale(${now.scale})`}>
          {laid.links.map((link) => <Edge key={`${link.from}>${link.to}`} laid={laid} from={link.from} to={link.to} on={link.on} />)}
          {laid.boxes.map((box) => <Box key={box.key} x={box.x} y={box.y} members={box.members.map((key) => nodes.get(key)!).filter(Boolean)} dim={find !== "" && !box.members.some((key) => key.toLowerCase().includes(find.toLowerCase()))} />)}
        </g>
      </svg>
    </div>
  );
}

function fitted(laid: Laid, picture: SVGSVGElement | null): View {
  const width = picture?.clientWidth ?? 1000;
  const height = picture?.clientHeight ?? 520;
  const scale = Math.min(1.1, (width - 60) / laid.width, (height - 60) / laid.height);
  return { x: (width - laid.width * scale) / 2, y: (height - laid.height * scale) / 2, scale };
}

function Edge({ laid, from, to, on }: { laid: Laid; from: string; to: string; on: string }) {
  const a = laid.boxes.find((box) => box.key === from)!;
  const b = laid.boxes.find((box) => box.key === to)!;
  const [x1, y1, x2, y2] = [a.x + WIDTH, a.y + HEIGHT / 2, b.x, b.y + HEIGHT / 2];
  const bend = Math.max(24, (x2 - x1) / 2);
  return <path class={`edge ${on}`} d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} />;
}

function Box({ x, y, members, dim }: { x: number; y: number; members: Node[]; dim: boolean }) {
  const [path, go] = useLocation();
  const first = members[0];
  if (!first) return null;
  const one = members.length === 1;
  const counts = new Map<string, number>();
  for (const node of members) counts.set(node.status, (counts.get(node.status) ?? 0) + 1);
  const open = () => go(one ? `/jobs/${first.job_id}` : `${path}?view=list&find=${encodeURIComponent(first.type)}`);
  const said = one ? `${first.key}, ${first.status}` : `${members.length} of ${first.type}: ${[...counts].map(([state, n]) => `${n} ${state}`).join(", ")}`;
  let left = 12;
  return (
    <g class={`node ${dim ? "dim" : ""}`} transform={`translate(${x} ${y})`} role="link" tabIndex={0} aria-label={said} onClick={open} onKeyDown={(event) => event.key === "Enter" && open()} style={{ cursor: "pointer" }}>
      <title>{said}</title>
      {!one && <rect x="4" y="4" width={WIDTH} height={HEIGHT} rx="9" />}
      <rect width={WIDTH} height={HEIGHT} rx="9" />
      {one ? <svg x="12" y="14" width="16" height="16"><Glyph state={first.status} /></svg> : [...counts].map(([state, n]) => {
        const width = ((WIDTH - 24) * n) / members.length;
        const bar = <rect class={`tone-${toneOf(state)}`} x={left} y={HEIGHT - 9} width={width} height="4" rx="2" style={{ fill: "currentcolor", stroke: "none" }} />;
        left += width;
        return bar;
      })}
      <text x={one ? 36 : 12} y="19">{cut(one ? first.key : `${first.type} × ${members.length}`, one ? 19 : 22)}</text>
      <text class="sub" x={one ? 36 : 12} y="34">{one ? cut(`${first.type} · ${first.status}`, 24) : ""}</text>
    </g>
  );
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
