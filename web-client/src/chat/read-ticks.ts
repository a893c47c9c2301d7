/** Waits until everybody has read one's newest messages. */

import { talk } from "../core/api";
import type { Chat } from "./chat.svelte";

const WAIT = 30; // seconds of one request
const PAUSE = 1000;
const UNKNOWN = 1; // the server tells of no change from 0

/** Keeps `commonRead` of a chat current while it is behind, until the signal. */
export async function followReading(chat: Chat, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && chat.commonRead < chat.newestOwn) {
    const asked = talk.getAnswer("v1/chat/{token}", {
      path: { token: chat.token },
      query: {
        lookIntoFuture: 1,
        lastKnownMessageId: chat.known(),
        lastCommonReadId: chat.commonRead || UNKNOWN,
        timeout: WAIT,
        setReadMarker: 0,
        noStatusUpdate: 1,
      },
      signal,
    });
    await asked.then(
      ({ headers }) => chat.noteCommonRead(headers),
      () => undefined,
    );
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
