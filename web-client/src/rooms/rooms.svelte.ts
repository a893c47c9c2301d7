/** The user's list of rooms. It is read as a whole once, and then only what has changed. */

import { SvelteMap } from "svelte/reactivity";
import { talk, type Message, type Room } from "../core/api";
import { live } from "../core/live.svelte";
import { isBreakoutRoom } from "./rules";

const RELOAD_EVERY = 5 * 60_000; // rooms that are gone are not in the list of changes
const REFRESH_EVERY = 20_000; // for what no event tells, such as messages in large rooms
const SPACING = 1000; // many events at once lead to one request

/** What the list shows. */
export type RoomFilter = "all" | "unread" | "mentions" | "archived";

class Rooms {
  byToken = new SvelteMap<string, Room>();
  isLoaded = $state(false);
  filter = $state<RoomFilter>("all");
  #modifiedBefore = 0;
  #reloadedAt = 0;
  #refreshing: Promise<void> | null = null;
  #isStale = false;
  #refreshedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** All rooms, favourites first, then those with the newest activity. */
  list: Room[] = $derived(
    [...this.byToken.values()].sort(
      (a, b) => Number(b.isFavorite) - Number(a.isFavorite) || b.lastActivity - a.lastActivity,
    ),
  );

  shown: Room[] = $derived(this.list.filter((room) => isShown(room, this.filter)));

  /** The number of rooms with messages that are unread. */
  unread: number = $derived(this.list.filter((room) => room.unreadMessages > 0 && !room.isArchived).length);

  /** Reads the list and keeps it current. */
  async start(): Promise<void> {
    live.on((event) => {
      if (event.type === "rooms") this.#refreshSoon();
      else if (event.type === "gone" && event.reason !== "elsewhere") this.byToken.delete(event.token);
    });
    setInterval(() => {
      if (!document.hidden) void this.refresh();
    }, REFRESH_EVERY);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) void this.refresh();
    });
    await this.refresh();
  }

  /** Reads what has changed. Calls during a request lead to one more request after it. */
  refresh(): Promise<void> {
    if (this.#refreshing) this.#isStale = true;
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshing = null;
      if (this.#isStale) {
        this.#isStale = false;
        void this.refresh();
      }
    });
    return this.#refreshing;
  }

  /** Reads what has changed, unless that was done a moment ago: then a moment later. */
  #refreshSoon(): void {
    if (this.#timer !== undefined) return;
    const pause = Math.max(0, this.#refreshedAt + SPACING - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#refreshedAt = Date.now();
      void this.refresh();
    }, pause);
  }

  async #read(): Promise<void> {
    const isWhole = Date.now() - this.#reloadedAt > RELOAD_EVERY;
    const since = isWhole ? 0 : this.#modifiedBefore;
    try {
      const { data, headers } = await talk.getAnswer("v4/room", { query: { modifiedSince: since } });
      this.#modifiedBefore = Number(headers.get("X-Nextcloud-Talk-Modified-Before") ?? 0);
      if (isWhole) this.#reloadedAt = Date.now();
      const current = new Set(data.map((room) => room.token));
      if (isWhole) for (const token of this.byToken.keys()) if (!current.has(token)) this.byToken.delete(token);
      for (const room of data) this.byToken.set(room.token, room);
      this.isLoaded = true;
    } catch {
      return; // the next refresh tries again
    }
  }

  /** Replaces a room by a newer state of it. Rooms of guests are in no list. */
  set(room: Room): void {
    if (room.actorType === "users") this.byToken.set(room.token, { ...this.byToken.get(room.token), ...room });
  }

  /** Changes fields of a room before the server's next answer has them. */
  change(token: string, fields: Partial<Room>): void {
    const room = this.byToken.get(token);
    if (room) this.byToken.set(token, { ...room, ...fields });
  }

  /** Shows a new message of a room in the list. `isRead`: the reader has seen it and all before it. */
  noteMessage(token: string, message: Message, isRead: boolean): void {
    const room = this.byToken.get(token);
    if (!room || (lastMessageOf(room)?.id ?? 0) >= message.id) return;
    const read = isRead
      ? { unreadMessages: 0, unreadMention: false, unreadMentionDirect: false, lastReadMessage: message.id }
      : {};
    this.change(token, { lastMessage: message, lastActivity: message.timestamp, ...read });
  }
}

/** Returns the newest message of a room, if the caller may see one. */
export function lastMessageOf(room: Room): Message | null {
  const last = room.lastMessage as Message | [] | undefined;
  return last === undefined || Array.isArray(last) ? null : last;
}

function isShown(room: Room, filter: RoomFilter): boolean {
  if (filter === "archived") return room.isArchived;
  if (room.isArchived) return false;
  if (isBreakoutRoom(room) && room.unreadMessages === 0) return false; // its parent leads to it
  if (filter === "unread") return room.unreadMessages > 0;
  return filter === "all" || room.unreadMention;
}

export const rooms = new Rooms();
