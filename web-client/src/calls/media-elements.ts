/** Elements that play streams, which Svelte cannot set as attributes. */

import type { Attachment } from "svelte/attachments";

/** Shows a stream in a video element. */
export function showing(stream: MediaStream | null): Attachment<HTMLVideoElement> {
  return (element) => {
    element.srcObject = stream;
    return () => (element.srcObject = null);
  };
}

/** Plays a stream on a speaker; an empty name is the one of the system. */
export function playing(stream: MediaStream | null, speaker: string): Attachment<HTMLAudioElement> {
  return (element) => {
    element.srcObject = stream;
    if (speaker !== "" && "setSinkId" in element) void element.setSinkId(speaker).catch(() => undefined);
    return () => (element.srcObject = null);
  };
}
