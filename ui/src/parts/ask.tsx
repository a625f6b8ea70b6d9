// Asks once more before something is gone.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Button, Dialog } from "./kit";

/** `act` says whether it went well; the question then goes away. */
export function Sure({ title, button, act, close, children }: { title: string; button: string; act: () => Promise<boolean>; close: () => void; children: ComponentChildren }) {
  const [busy, setBusy] = useState(false);
  const go = () => {
    if (busy) return;
    setBusy(true);
    void act().then((good) => (good ? close() : setBusy(false)));
  };
  return (
    <Dialog label={title} onClose={close}>
      <form method="dialog" onSubmit={(event) => { event.preventDefault(); go(); }}>
        <h1>{title}</h1>
        {children}
        <div class="actions"><Button onClick={close}>Leave it</Button><button class="button primary danger">{button}</button></div>
      </form>
    </Dialog>
  );
}
