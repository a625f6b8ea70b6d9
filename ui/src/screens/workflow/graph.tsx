// The graph: drag to move, wheel or buttons to zoom; the list is its twin for those who cannot see it.
// Of a large one only what is in sight is drawn, and from afar only coloured places.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import type { Node, WorkflowDetail } from "../../api/types";
import { Button } from "../../parts/kit";
import { HEIGHT, layOut, type Laid, WIDTH } from "./layout";
import { Far, Near } from "./picture";
import { among, type Area, boxAt, boxesIn } from "./sight";

interface View { x: number; y: number; scale: number }
const [LEAST, MOST] = [0.0003, 3];
const READABLE = 0.1; // below this a first look shows the beginning, not the whole
const MOST_NEAR = 400;
const REACH = 24; // pixels that a click may miss a box by
const CELL = 600; // in sight is what lies in the cells of a grid that one looks at

export default function Graph({ flow, find }: { flow: WorkflowDetail; find: string }) {
  const laid = useLaid(flow);
  const members = useMemo(() => {
    const nodes = new Map(flow.nodes.map((node) => [node.key, node]));
    return laid.boxes.map((box) => box.members.map((key) => nodes.get(key)!).filter(Boolean));
  }, [laid, flow]);
  const picture = useRef<SVGSVGElement>(null);
  const [view, setView] = useState<View | null>(null);
  const [, drawn] = useState(false);
  useEffect(() => drawn(true), []); // the size is known from the second time on
  useEffect(() => setView(null), [laid]);
  const size = { width: picture.current?.clientWidth ?? 1000, height: picture.current?.clientHeight ?? 520 };
  const now = view ?? first(laid, size);
  const zoom = (by: number, at = { x: size.width / 2, y: size.height / 2 }) => {
    const scale = Math.min(MOST, Math.max(LEAST, now.scale * by));
    const times = scale / now.scale;
    setView({ scale, x: at.x - (at.x - now.x) * times, y: at.y - (at.y - now.y) * times });
  };
  const hand = useHand(now, setView, zoom);
  const area = inSight(now, size);
  const shown = useMemo(() => (laid.boxes.length <= MOST_NEAR ? laid.boxes.map((_, n) => n) : boxesIn(laid, area)), [laid, ...Object.values(area)]);
  const near = shown.length <= MOST_NEAR;
  const open = useOpen(members);
  const content = useMemo(
    () => near ? <Near laid={laid} shown={shown} links={among(laid, shown, area)} members={members} find={find} open={open} /> : <Far laid={laid} members={members} find={find} />,
    [laid, near ? shown : null, members, find],
  );
  const approach = (event: MouseEvent) => {
    if (near || hand.moved()) return;
    const { x, y } = point(event);
    const box = boxAt(laid, (x - now.x) / now.scale, (y - now.y) / now.scale, REACH / now.scale);
    if (box !== null) setView({ scale: 1, x: x - laid.boxes[box]!.x - WIDTH / 2, y: y - laid.boxes[box]!.y - HEIGHT / 2 });
  };
  return (
    <div style={{ position: "relative" }}>
      <div class="row" style={{ position: "absolute", right: "12px", top: "10px", zIndex: 2 }}>
        {!near && <span class="quiet">{laid.boxes.length.toLocaleString("en-US")} boxes: click one to come near</span>}
        <Button kind="small" aria-label="Zoom in" onClick={() => zoom(1.25)}>+</Button><Button kind="small" aria-label="Zoom out" onClick={() => zoom(0.8)}>−</Button><Button kind="small" onClick={() => setView(fitted(laid, size))}>Fit</Button>
      </div>
      <svg ref={picture} class="graph" style={{ height: `min(62vh, ${Math.max(240, laid.height + 120)}px)` }} role="group" aria-label="Graph of the jobs; the list shows the same" onClick={approach} {...hand.on}>
        <g transform={`translate(${now.x} ${now.y}) scale(${now.scale})`}>{content}</g>
      </svg>
    </div>
  );
}

/** The layout; made again only when jobs or edges changed, not when jobs moved on. */
function useLaid(flow: WorkflowDetail): Laid {
  const shape = useMemo(() => flow.nodes.map((node) => `${node.key}|${node.type}|${node.depends_on.map((edge) => edge.key).join()}`).join(";"), [flow]);
  return useMemo(() => layOut(flow.nodes.map((node) => ({ key: node.key, type: node.type, after: node.depends_on.filter((edge) => edge.key !== null).map((edge) => ({ key: edge.key!, on: edge.on })) }))), [shape]);
}

function useOpen(members: Node[][]): (box: number) => void {
  const [path, go] = useLocation();
  const latest = useRef(members);
  latest.current = members;
  return (box) => {
    const those = latest.current[box]!;
    if (those[0]) go(those.length === 1 ? `/jobs/${those[0].job_id}` : `${path}?view=list&find=${encodeURIComponent(those[0].type)}`);
  };
}

/** Dragging and the wheel. A click that ends a drag is none. */
function useHand(now: View, setView: (view: View) => void, zoom: (by: number, at: { x: number; y: number }) => void) {
  const drag = useRef<{ x: number; y: number; view: View; moved: boolean } | null>(null);
  const last = useRef(false);
  return {
    moved: () => last.current,
    on: {
      onPointerDown: (event: PointerEvent) => {
        last.current = false;
        if ((event.target as Element).closest(".node")) return;
        drag.current = { x: event.clientX, y: event.clientY, view: now, moved: false };
        (event.currentTarget as Element).setPointerCapture(event.pointerId);
      },
      onPointerMove: (event: PointerEvent) => {
        const from = drag.current;
        if (!from) return;
        last.current ||= Math.hypot(event.clientX - from.x, event.clientY - from.y) > 4;
        setView({ ...from.view, x: from.view.x + event.clientX - from.x, y: from.view.y + event.clientY - from.y });
      },
      onPointerUp: () => (drag.current = null),
      onWheel: (event: WheelEvent) => {
        if (!event.ctrlKey && !event.metaKey && Math.abs(event.deltaY) < 4) return;
        event.preventDefault();
        zoom(event.deltaY < 0 ? 1.12 : 0.89, point(event));
      },
    },
  };
}

/** Where in the picture the pointer is. */
function point(event: MouseEvent): { x: number; y: number } {
  const box = (event.currentTarget as Element).getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

interface Size { width: number; height: number }

function fitted(laid: Laid, size: Size): View {
  const scale = Math.min(1.1, (size.width - 60) / laid.width, (size.height - 60) / laid.height);
  return { x: (size.width - laid.width * scale) / 2, y: (size.height - laid.height * scale) / 2, scale };
}

function first(laid: Laid, size: Size): View {
  const whole = fitted(laid, size);
  return whole.scale >= READABLE / 4 ? whole : { x: 30, y: (size.height - laid.height * READABLE) / 2, scale: READABLE };
}

/** The part of the plane that is looked at, rounded up to whole cells. */
function inSight(view: View, size: Size): Area {
  const cell = CELL / Math.min(1, view.scale);
  const down = (value: number) => Math.floor(value / cell) * cell;
  return {
    left: down(-view.x / view.scale), right: down((size.width - view.x) / view.scale) + cell,
    top: down(-view.y / view.scale), bottom: down((size.height - view.y) / view.scale) + cell,
  };
}
