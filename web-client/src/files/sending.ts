/** What sending a file asks the server for, beside its bytes, and how often it is tried. */

import { Refused, talk } from "../core/api";
import { live } from "../core/live.svelte";
import { storableName } from "./format";
import { draftPath } from "./transfer";
import type { Upload } from "./uploads.svelte";

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;
const TRANSIENT = new Set([408, 423, 425, 429]);

/** Returns whether the user is in a room, as far as the server answers. */
export async function isRoomThere(token: string): Promise<boolean> {
  try {
    await talk.get("v4/room/{token}", { path: { token } });
    return true;
  } catch (error) {
    return !(error instanceof Refused && error.status === 404);
  }
}

/** Asks where files for the room are kept until it shows them. */
export async function getFolder(upload: Upload): Promise<void> {
  if (upload.folder !== "") return;
  const { token, file } = upload.wanted;
  const name = storableName(file.name);
  const found = await talk.post("v1/chat/{token}/attachment/folder", {
    path: { token },
    body: { fileNames: [name] },
  });
  upload.finalName = found.renames.map((each) => each[name]).find((each) => each !== undefined) ?? name;
  upload.folder = found.folder.replace(/^\/+|\/+$/g, "");
}

/** Lets the room show the file. The server takes the same reference only once. */
export async function post(upload: Upload): Promise<void> {
  const { token, replyTo, isSilent, isVoice } = upload.wanted;
  const details = {
    ...(upload.caption === "" ? {} : { caption: upload.caption }),
    ...(replyTo === 0 ? {} : { replyTo }),
    ...(isSilent ? { silent: true } : {}),
    ...(isVoice ? { messageType: "voice-message" } : {}),
  };
  await talk.post("v1/chat/{token}/attachment", {
    path: { token },
    body: {
      filePath: draftPath(upload),
      fileName: upload.finalName,
      referenceId: upload.referenceId,
      talkMetaData: JSON.stringify(details),
    },
  });
}

/** Does something until it succeeds, as long as only the connection or the moment is at fault. */
export async function persist(upload: Upload, work: () => Promise<void>): Promise<void> {
  let [failures, pieces] = [0, upload.pieces.size];
  for (;;) {
    try {
      await work();
      upload.isStalled = false;
      return;
    } catch (error) {
      upload.stop.signal.throwIfAborted();
      if (!(error instanceof Refused) || !(error.isOffline || TRANSIENT.has(error.status))) throw error;
      upload.isStalled = true;
      if (upload.pieces.size > pieces) [failures, pieces] = [0, upload.pieces.size];
      const wait = Math.max(Math.min(FIRST_PAUSE * 2 ** failures++, LONGEST_PAUSE), error.retryAfter * 1000);
      await pause(wait, upload.stop.signal, error.isOffline);
      upload.isStalled = false;
    }
  }
}

/** Waits, if wanted at most until the connection is there again. Throws if the signal is aborted. */
function pause(milliseconds: number, signal: AbortSignal, untilOnline: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = new AbortController();
    const end = (): void => {
      clearTimeout(timer);
      stop.abort();
      leave();
      if (signal.aborted) reject(signal.reason as Error);
      else resolve();
    };
    const timer = setTimeout(end, milliseconds);
    if (untilOnline) addEventListener("online", end, { signal: stop.signal });
    signal.addEventListener("abort", end, { signal: stop.signal });
    const leave = live.on((event) => {
      if (untilOnline && event.type === "rooms") end();
    });
  });
}
