import { useEffect, useState } from "preact/hooks";
import { call } from "../../api/client";
import type { Channel, Delivery } from "../../api/types";
import { Button, Dialog } from "../../parts/kit";
import { Answer } from "./deliveries";

const LOOK_MS = 400;
const LOOKS = 75;

/** What came of the first attempt of a test; looked at for half a minute. */
export function TestResult({ channel, first, close }: { channel: Channel; first: Delivery; close: () => void }) {
  const [told, tell] = useState(first);
  const [looks, look] = useState(0);
  const waiting = told.status === "pending" && told.attempts === 0;
  useEffect(() => {
    if (!waiting || looks >= LOOKS) return undefined;
    const timer = setTimeout(() => {
      void call<Delivery>(`api/notifications/deliveries/${first.id}`).then(tell, () => undefined).then(() => look(looks + 1));
    }, LOOK_MS);
    return () => clearTimeout(timer);
  }, [looks, waiting]);
  const words = waiting
    ? looks >= LOOKS ? "No answer within half a minute. The log of deliveries will tell." : "On its way…"
    : told.status === "delivered" ? `It arrived at ${channel.name}.` : told.status === "failed" ? "It was refused for good." : "The first attempt failed; it is tried again.";
  return (
    <Dialog label={`Test of ${channel.name}`} onClose={close}>
      <div class="inner">
        <h1>Test of {channel.name}</h1>
        <p role="status" class="sentence">{words}</p>
        {!waiting && <Answer delivery={told} />}
        <div class="actions"><Button kind="primary" onClick={close}>Close</Button></div>
      </div>
    </Dialog>
  );
}
