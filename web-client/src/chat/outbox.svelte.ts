/**
 * Messages that are on their way. They are kept in the browser until the server has them, also over a reload.
 * Each has an entry of its own, which all pages of the user share, so that no page overwrites what another one has.
 */

import { alone } from "../core/alone";
import { Refused, talk, type Message } from "../core/api";
import { live } from "../core/live.svelte";
import { session } from "../core/session.svelte";
import { createReference } from "./reference";

export interface Pending {
  token: string;
  referenceId: string;
  /** As the API wants it. */
  text: string;
  /** As it was typed, with names in place of mentions. */
  shown: string;
  replyTo: number;
  isSilent: boolean;
  /** Milliseconds. No two messages have the same. */
  createdAt: number;
  /** The API's word for why the server refused it, or null while it is on its way. */
  refused: string | null;
}

const PAUSE = 3000;
const ENTRY = "pending";

class Outbox {
  list = $state.raw<Pending[]>([]);
  #isSending = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #delivered = new Set<(message: Message) => void>();

  /** Sends what this user wrote before. Others who use the browser have a list of their own. */
  start(): void {
    this.#read();
    addEventListener("storage", ({ key }) => {
      if (key?.startsWith(`talkd.${ENTRY}.`)) this.#read();
    });
    addEventListener("online", () => void this.#sendAll());
    live.on((event) => {
      if (event.type === "rooms") void this.#sendAll();
    });
    void this.#sendAll();
  }

  /** Calls the function with each message that the server has taken. */
  onDelivered(listener: (message: Message) => void): () => void {
    this.#delivered.add(listener);
    return () => this.#delivered.delete(listener);
  }

  add(message: Pick<Pending, "token" | "text" | "shown" | "replyTo" | "isSilent">): void {
    const referenceId = createReference();
    const createdAt = Math.max(Date.now(), (this.list.at(-1)?.createdAt ?? 0) + 1);
    this.#keep({ ...message, referenceId, createdAt, refused: null });
    void this.#sendAll();
  }

  /** Sends a refused message once more. */
  retry(referenceId: string): void {
    const pending = this.list.find((each) => each.referenceId === referenceId);
    if (pending) this.#keep({ ...pending, refused: null });
    void this.#sendAll();
  }

  remove(referenceId: string): void {
    session.storage.removeItem(keyOf(referenceId));
    this.#read();
  }

  /** Sends one message after the other, so that they arrive in order. */
  async #sendAll(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    clearTimeout(this.#timer);
    try {
      while (this.#next()) {
        await alone("outbox", async () => {
          this.#read(); // another page may have sent some
          for (let next = this.#next(); next; next = this.#next()) await this.#send(next);
        });
      }
    } catch {
      this.#timer = setTimeout(() => void this.#sendAll(), PAUSE);
    } finally {
      this.#isSending = false;
    }
  }

  #next(): Pending | undefined {
    return this.list.find((each) => each.refused === null);
  }

  /** Sends a message. The server takes the same reference only once. Throws if it should be tried again. */
  async #send(pending: Pending): Promise<void> {
    const { token, text: message, replyTo, isSilent: silent, referenceId } = pending;
    if (session.hasEnded) throw new Error("logged out");
    try {
      const posted = await talk.post("v1/chat/{token}", {
        path: { token },
        body: { message, replyTo, silent, referenceId },
      });
      this.remove(referenceId);
      for (const listener of this.#delivered) listener(posted);
    } catch (error) {
      if (!(error instanceof Refused) || error.isOffline || error.status === 429) throw error;
      const isStillIn = await session.check();
      if (!isStillIn) throw error; // it is sent after the next login
      if (this.list.includes(pending))
        this.#keep({ ...pending, refused: error.reason === "" ? String(error.status) : error.reason });
    }
  }

  #keep(pending: Pending): void {
    session.storage.setItem(keyOf(pending.referenceId), JSON.stringify(pending));
    this.#read();
  }

  #read(): void {
    this.list = session
      .keysOf(ENTRY)
      .flatMap((key) => JSON.parse(session.storage.getItem(key) ?? "[]") as Pending | [])
      .sort((a, b) => a.createdAt - b.createdAt);
  }
}

function keyOf(referenceId: string): string {
  return session.keyOf(`${ENTRY}.${referenceId}`);
}

export const outbox = new Outbox();
