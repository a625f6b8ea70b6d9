import { useState } from "preact/hooks";
import { call, type Problem } from "../../api/client";
import type { Channel } from "../../api/types";
import { asProblem } from "../../parts/draft";
import { ChoiceField, Refused, TextField, wrongOf } from "../../parts/fields";
import { Button, Dialog } from "../../parts/kit";
import { toast } from "../../parts/toast";
import { channelPath } from "./channels";

const list = (text: string) => text.split(/[,\s]+/).filter(Boolean);

/** A channel to be made, or one to be changed; its kind stays. */
export function ChannelForm({ channel, close, done }: { channel: Channel | null; close: () => void; done: (channel: Channel) => void }) {
  const [name, setName] = useState(channel?.name ?? "");
  const [kind, setKind] = useState(channel?.kind ?? "webhook");
  const [target, setTarget] = useState(channel?.kind === "email" ? channel.target : "");
  const [wrong, setWrong] = useState<Problem | null>(null);
  const email = kind === "email";
  const title = channel ? `Change the channel ${channel.name}` : "Make a channel";
  const save = async () => {
    const led = email ? { to: list(target) } : { url: target.trim() };
    const moved = target.trim() !== "" && !(email && target === channel?.target);
    const body = channel ? { ...(name === channel.name ? {} : { name }), ...(moved ? led : {}) } : { name, kind, ...led };
    if (!Object.keys(body).length) return close();
    try {
      const made = await call<Channel>(channel ? channelPath(channel) : "api/notifications/channels", { method: channel ? "PATCH" : "POST", body });
      toast(channel ? "Changed" : "Made");
      close();
      done(made);
    } catch (error) {
      setWrong(asProblem(error));
    }
  };
  const hints: Record<string, [label: string, placeholder: string, hint: string]> = {
    webhook: ["URL", "https://example.org/hook", "gets a signed POST"],
    email: ["Addresses", "team@example.org", "with commas"],
    apprise: ["URL", "slack://…", "as Apprise writes it"],
  };
  const [label, placeholder, hint] = hints[kind] ?? hints["webhook"]!;
  return (
    <Dialog label={title} onClose={close}>
      <form method="dialog" onSubmit={(event) => { event.preventDefault(); void save(); }}>
        <h1>{title}</h1>
        <TextField label="Name" required autoFocus maxLength={100} placeholder="ops" value={name} set={setName} wrong={wrongOf(wrong, "/name")} />
        {!channel && <ChoiceField label="Kind" value={kind} set={setKind} choices={[["webhook", "webhook"], ["email", "e-mail"], ["apprise", "chat, SMS and more, by Apprise"]]} />}
        <TextField label={label} class="mono" required={!channel || email} placeholder={channel && !email ? channel.target : placeholder} hint={channel && !email ? "empty: as it is" : hint} value={target} set={setTarget} wrong={wrongOf(wrong, email ? "/to" : "/url")} />
        <Refused problem={wrong} />
        <div class="actions"><Button onClick={close}>Close</Button><button class="button primary">{channel ? "Save" : "Make it"}</button></div>
      </form>
    </Dialog>
  );
}
