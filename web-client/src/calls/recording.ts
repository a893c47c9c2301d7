/** The recording of a call, and who may start and stop it. */

import { Refused, talk, type Room } from "../core/api";
import { Recording } from "../core/constants";
import { t } from "../core/i18n.svelte";
import { session } from "../core/session.svelte";
import type { Key } from "../texts/en";
import { toasts } from "../ui/toasts.svelte";

const TEXTS: Partial<Record<number, Key>> = {
  [Recording.video]: "call.recording.video",
  [Recording.audio]: "call.recording.audio",
  [Recording.videoStarting]: "call.recording.starting",
  [Recording.audioStarting]: "call.recording.starting",
};

/** Returns the words for a recording that runs or starts, or null if there is none. */
export function recordingText(state: number): string | null {
  const key = TEXTS[state];
  return key === undefined ? null : t(key);
}

/** Returns whether the user may record a call of this server that they moderate. Guests may not. */
export function canRecord(): boolean {
  return session.me !== null && session.can("recording-v1") && session.capabilities.spreed.config.call.recording;
}

/** Asks the server to record the call in a room. Says why if it refuses. */
export async function startRecording(
  { token }: Room,
  status: typeof Recording.video | typeof Recording.audio,
): Promise<void> {
  try {
    await talk.post("v1/recording/{token}", { path: { token }, body: { status } });
  } catch (error) {
    if (error instanceof Refused && error.reason === "config") toasts.show(t("call.record.failed"));
    else toasts.failed(error);
  }
}

/** Ends the recording in a room. Throws `Refused`. */
export async function stopRecording({ token }: Room): Promise<void> {
  await talk.delete("v1/recording/{token}", { path: { token } });
}
