/** Pages of one browser that share the files on their way: each file is sent by one of them, and seen in all. */

import { session } from "../core/session.svelte";
import type { Obstacle, Upload } from "./uploads.svelte";

/** How far a file is that another page sends. */
export interface News {
  referenceId: string;
  state: Upload["state"];
  obstacle: Obstacle | null;
  sent: number;
  isStalled: boolean;
}
/** What the page that sends a file is asked to do. */
export interface Wish {
  referenceId: string;
  wish: "cancel" | "retry";
}

const PAUSE = 1000; // milliseconds between news

/** Whether pages can agree on who sends a file. Without HTTPS, browsers have no locks. */
export const canAgree = "locks" in navigator;

export class Pages {
  readonly #channel = new BroadcastChannel(session.keyOf("uploads"));
  readonly #releases = new Map<string, () => void>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(onnews: (news: News[]) => void, onwish: (wish: Wish) => void) {
    this.#channel.onmessage = ({ data }: MessageEvent<News[] | Wish>) => {
      if (Array.isArray(data)) onnews(data);
      else onwish(data);
    };
  }

  /** Waits until no other page sends a file. From then on this one does, until it releases the file or is closed. */
  async take(referenceId: string): Promise<void> {
    if (!canAgree || this.#releases.has(referenceId)) return;
    await new Promise<void>((resolve) => {
      void navigator.locks.request(session.keyOf(`upload.${referenceId}`), () => {
        resolve();
        return new Promise<void>((release) => this.#releases.set(referenceId, release));
      });
    });
  }

  release(referenceId: string): void {
    this.#releases.get(referenceId)?.();
    this.#releases.delete(referenceId);
  }

  /** Tells the other pages how far the files are, as long as there are some. */
  tell(list: () => Upload[]): void {
    this.#timer ??= setInterval(() => {
      const own = list().filter((each) => !each.isElsewhere);
      const news = own.map(({ referenceId, state, obstacle, sent, isStalled }): News => ({
        referenceId,
        state,
        obstacle,
        sent,
        isStalled,
      }));
      if (own.length === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
      this.#channel.postMessage(news);
    }, PAUSE);
  }

  ask(wish: Wish): void {
    this.#channel.postMessage(wish);
  }
}
