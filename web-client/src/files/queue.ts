/** Sends files in the background, and lets rooms show them in the order in which they were chosen. */

import { Refused, talk } from "../core/api";
import { live } from "../core/live.svelte";
import { session } from "../core/session.svelte";
import { storableName } from "./format";
import { draftPath, removeSent, transfer, Unreadable } from "./transfer";
import { Upload, uploads, type Obstacle, type Wanted } from "./uploads.svelte";

const AT_ONCE = 2;
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;
/** Milliseconds after which a file that the room shows is no longer listed here, even if its message did not come. */
const LINGER = 10_000;
const TRANSIENT = new Set([408, 423, 425, 429]);
const OBSTACLES: Record<number, Obstacle> = {
  403: "refused",
  404: "missing",
  413: "size",
  415: "refused",
  507: "space",
};

class Queue {
  #waiting: (() => void)[] = [];
  #isListening = false;

  /** Sends files to a room. */
  add(wanted: Wanted[]): void {
    this.#listen();
    uploads.list = [...uploads.list, ...wanted.map((each) => new Upload(each))];
    this.#startNext();
  }

  /** Sends a file again that failed, after the others. */
  retry(upload: Upload): void {
    if (upload.obstacle === "missing") upload.reset();
    [upload.state, upload.obstacle] = ["waiting", null];
    uploads.list = [...uploads.list.filter((each) => each !== upload), upload];
    this.#startNext();
  }

  /** Ends an upload, and removes what the server has of it. Its caption goes with another file of its batch. */
  async cancel(upload: Upload): Promise<void> {
    if (upload.state === "posting" || upload.state === "done") return;
    upload.stop.abort();
    this.#forget(upload);
    const heir = uploads.list.findLast((each) => each.wanted.batch === upload.wanted.batch && each.isGoing);
    if (heir && heir.caption === "" && heir.state !== "posting") heir.caption = upload.caption;
    await removeSent(upload);
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    live.on((event) => {
      if (event.type === "message") this.#noteArrived(event.message.referenceId);
    });
    addEventListener("beforeunload", (event) => {
      if (uploads.list.some((each) => each.isGoing)) event.preventDefault();
    });
  }

  /** Forgets a file whose message is in the room. The answer that says so may have been lost. */
  #noteArrived(referenceId: string): void {
    const arrived = uploads.list.find((each) => each.referenceId === referenceId);
    if (!arrived) return;
    arrived.stop.abort();
    this.#forget(arrived);
  }

  #forget(upload: Upload): void {
    uploads.list = uploads.list.filter((each) => each !== upload);
    this.#wake();
    this.#startNext();
  }

  #startNext(): void {
    const busy = uploads.list.filter((each) => each.state === "sending" || each.state === "posting").length;
    const next = uploads.list.filter((each) => each.state === "waiting").slice(0, Math.max(0, AT_ONCE - busy));
    for (const upload of next) {
      upload.state = "sending";
      void this.#send(upload);
    }
  }

  async #send(upload: Upload): Promise<void> {
    const { signal } = upload.stop;
    try {
      await persist(upload, () => getFolder(upload));
      await persist(upload, () => transfer(upload));
      await this.#turnOf(upload);
      upload.state = "posting";
      await persist(upload, () => post(upload));
      upload.state = "done";
      setTimeout(() => this.#forget(upload), LINGER);
    } catch (error) {
      if (signal.aborted) return;
      [upload.state, upload.obstacle] = ["failed", obstacleIn(error)];
    } finally {
      this.#wake();
      this.#startNext();
    }
  }

  /** Waits until the room shows the files that were chosen before, or they have failed. */
  async #turnOf(upload: Upload): Promise<void> {
    const isBefore = (each: Upload): boolean => each.wanted.token === upload.wanted.token && each.isGoing;
    for (;;) {
      upload.stop.signal.throwIfAborted();
      const place = uploads.list.indexOf(upload);
      if (!uploads.list.slice(0, place).some(isBefore)) return;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function obstacleIn(error: unknown): Obstacle {
  if (error instanceof Unreadable) return "unreadable";
  if (!(error instanceof Refused)) {
    console.error(error);
    return "other";
  }
  if (error.status === 401) void session.check(); // it tells the page that the login has ended
  return OBSTACLES[error.status] ?? "other";
}

/** Asks where files for the room are kept until it shows them. */
async function getFolder(upload: Upload): Promise<void> {
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
async function post(upload: Upload): Promise<void> {
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
async function persist(upload: Upload, work: () => Promise<void>): Promise<void> {
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

export const queue = new Queue();
