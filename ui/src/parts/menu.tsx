// A button with a panel under it, closed by Escape, a click elsewhere, or its owner.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./kit";

interface Props { name: ComponentChildren; label: string; children: (close: () => void) => ComponentChildren }

export function Menu({ name, label, children }: Props) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!open) return undefined;
    const elsewhere = (event: Event) => !box.current?.contains(event.target as Element) && setOpen(false);
    addEventListener("pointerdown", elsewhere);
    addEventListener("focusin", elsewhere);
    return () => {
      removeEventListener("pointerdown", elsewhere);
      removeEventListener("focusin", elsewhere);
    };
  }, [open]);
  const key = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    close();
  };
  return (
    <div class="menu" ref={box} onKeyDown={key}>
      <button type="button" class="button" ref={button} aria-expanded={open} onClick={() => setOpen(!open)}>{name}<Icon name="down" /></button>
      {open && <div class="under" role="group" aria-label={label}>{children(close)}</div>}
    </div>
  );
}
