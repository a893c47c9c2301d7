/** The pictures and films of a conversation, among which the viewer moves. */

import { talk, type Message } from "../../core/api";
import { fileIn, kindOf, type SharedFile } from "../file";

const PAGE = 50;

export interface Item {
  message: Message;
  file: SharedFile;
}

export class Gallery {
  items = $state.raw<Item[]>([]);
  current = $state.raw<Item | null>(null);
  readonly #index = $derived(this.items.findIndex((each) => each.message.id === this.current?.message.id));
  readonly hasNext = $derived(this.#index >= 0 && this.#index < this.items.length - 1);
  /** Whether all older ones are loaded. */
  isWhole = $state(false);
  /** Whether an older one is there, as far as is known. */
  readonly hasPrevious = $derived(this.#index > 0 || !this.isWhole);
  #loading: Promise<void> | null = null;

  constructor(message: Message, others: Message[]) {
    this.#add([...others, message]);
    this.current = this.items.find((each) => each.message.id === message.id) ?? null;
    void this.#prepare();
  }

  next(): void {
    this.current = this.items[this.#index + 1] ?? this.current;
  }

  async previous(): Promise<void> {
    if (this.#index === 0) await this.#load();
    this.current = this.items[this.#index - 1] ?? this.current;
    await this.#prepare();
  }

  /** Loads older ones before they are wanted. */
  async #prepare(): Promise<void> {
    if (this.#index <= 1) await this.#load();
  }

  #load(): Promise<void> {
    this.#loading ??= this.#loadOlder().finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #loadOlder(): Promise<void> {
    const oldest = this.items[0]?.message;
    if (this.isWhole || !oldest) return;
    try {
      const query = { objectType: "media", lastKnownMessageId: oldest.id, limit: PAGE };
      const found = Object.values(await talk.get("v1/chat/{token}/share", { path: { token: oldest.token }, query }));
      this.#add(found);
      if (found.length < PAGE) this.isWhole = true;
    } catch {
      return; // the next step tries again
    }
  }

  #add(messages: Message[]): void {
    const byId = new Map(this.items.map((each) => [each.message.id, each]));
    for (const message of messages) {
      const file = fileIn(message);
      const kind = file && kindOf(file, message);
      if (file && (kind === "picture" || kind === "film")) byId.set(message.id, { message, file });
    }
    this.items = [...byId.values()].sort((a, b) => a.message.id - b.message.id);
  }
}
