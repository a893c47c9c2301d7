/** What a search finds: the user's rooms at once, and from the server people, open rooms and messages. */

import { ocs, talk, type Room } from "../core/api";
import { RoomType } from "../core/constants";
import { findPeople, type Found } from "../people/finding";
import { attempt } from "../ui/attempt";
import { toasts } from "../ui/toasts.svelte";
import { openOneToOne, openRoom } from "./actions";
import { rooms } from "./rooms.svelte";
import { folded } from "./search";
import { nameOf } from "./names";

const PAUSE = 200;
const SHORTEST = 2; // characters for which the server is asked
const MOST_ROOMS = 50;
const RECENT = 12;
const MESSAGES = 10;

/** A message that the server has found. */
export interface MessageHit {
  title: string;
  excerpt: string;
  token: string;
  message: number;
  timestamp: number;
}

export type Hit =
  | { kind: "room" | "open"; key: string; room: Room }
  | { kind: "person"; key: string; person: Found }
  | { kind: "message"; key: string; found: MessageHit }
  | { kind: "more"; key: string };

export interface HitGroup {
  kind: "room" | "person" | "open" | "message";
  hits: Hit[];
}

interface Entry {
  title: string;
  subline: string;
  attributes: Record<string, string>;
}

export class Finder {
  query = $state("");
  /** Whether the server is still asked. */
  isBusy = $state(false);
  #chosen = $state(0);
  #people = $state.raw<Found[]>([]);
  #open = $state.raw<Room[]>([]);
  #messages = $state.raw<MessageHit[]>([]);
  #cursor = $state<string | null>(null);
  term = $derived(folded(this.query.trim()));

  #rooms: Room[] = $derived.by(() => {
    if (this.term === "") return rooms.list.filter((room) => !room.isArchived).slice(0, RECENT);
    return matching(rooms.list, this.term).slice(0, MOST_ROOMS);
  });

  groups: HitGroup[] = $derived.by(() => {
    const groups: HitGroup[] = [
      { kind: "room", hits: this.#rooms.map((room) => ({ kind: "room", key: `room-${room.token}`, room })) },
    ];
    if (this.term === "") return groups;
    const partners = new Set(this.#rooms.filter((each) => each.type === RoomType.oneToOne).map((each) => each.name));
    const people = this.#people.filter((each) => !partners.has(each.id));
    const messages: Hit[] = this.#messages.map((found) => ({
      kind: "message",
      key: `message-${found.message}`,
      found,
    }));
    if (this.#cursor !== null) messages.push({ kind: "more", key: "more" });
    groups.push(
      {
        kind: "person",
        hits: people.map((person) => ({ kind: "person", key: `person-${encodeURIComponent(person.id)}`, person })),
      },
      { kind: "open", hits: this.#open.map((room) => ({ kind: "open", key: `open-${room.token}`, room })) },
      { kind: "message", hits: messages },
    );
    return groups.filter((group) => group.hits.length > 0);
  });

  hits: Hit[] = $derived(this.groups.flatMap((group) => group.hits));
  /** The key of the hit that Enter opens. */
  active: string | null = $derived(this.hits[Math.min(this.#chosen, this.hits.length - 1)]?.key ?? null);

  /** Asks the server after a pause. Returns a function that ends the search. */
  search(): () => void {
    const term = this.query.trim();
    this.#chosen = 0;
    [this.#people, this.#open, this.#messages, this.#cursor] = [[], [], [], null];
    if (term.length < SHORTEST) {
      this.isBusy = false;
      return () => undefined;
    }
    const stop = new AbortController();
    const { signal } = stop;
    this.isBusy = true;
    const stopPeople = findPeople(term, "new", ["users"], (people) => (this.#people = people));
    const timer = setTimeout(() => {
      const open = talk
        .get("v4/listed-room", { query: { searchTerm: term }, signal })
        .then((found) => (this.#open = found));
      void Promise.allSettled([open, this.#findMessages(term, signal)]).then((results) => {
        if (signal.aborted) return;
        this.isBusy = false;
        const failed = results.find((each) => each.status === "rejected");
        if (failed) toasts.failed(failed.reason);
      });
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      stopPeople();
      stop.abort();
    };
  }

  async #findMessages(term: string, signal?: AbortSignal): Promise<void> {
    const { entries, isPaginated, cursor } = await ocs.get("search/providers/{providerId}/search", {
      path: { providerId: "talk-message" },
      query: { term, limit: MESSAGES, cursor: this.#cursor ?? "" },
      ...(signal ? { signal } : {}),
    });
    if (signal?.aborted || term !== this.query.trim()) return;
    this.#messages = [...this.#messages, ...entries.map(messageHit)];
    this.#cursor = isPaginated && entries.length === MESSAGES ? String(cursor) : null;
  }

  /** Moves to another hit, or opens the current one. Returns what was opened, or null. */
  keydown(event: KeyboardEvent): Hit | null {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const count = this.hits.length;
    const hit = this.hits.find((each) => each.key === this.active);
    if (count === 0 || event.isComposing || (step === undefined && event.key !== "Enter")) return null;
    event.preventDefault();
    if (step !== undefined) this.#chosen = (Math.min(this.#chosen, count - 1) + step + count) % count;
    else if (hit) return this.open(hit) ? hit : null;
    return null;
  }

  /** Opens what was found. Returns false for more messages, which are added to the list. */
  open(hit: Hit): boolean {
    if (hit.kind === "more") {
      void attempt(() => this.#findMessages(this.query.trim()));
      return false;
    }
    if (hit.kind === "message") openRoom(hit.found.token, hit.found.message);
    else if (hit.kind === "person") void attempt(() => openOneToOne(hit.person.id));
    else openRoom(hit.room.token);
    return true;
  }
}

/** Returns the rooms whose name contains the term: first those whose name begins with it. */
function matching(list: Room[], term: string): Room[] {
  const found = list.map((room) => ({ room, at: folded(nameOf(room)).indexOf(term) })).filter(({ at }) => at >= 0);
  return [...found.filter(({ at }) => at === 0), ...found.filter(({ at }) => at > 0)].map(({ room }) => room);
}

function messageHit({ title, subline, attributes }: Entry): MessageHit {
  const room = rooms.byToken.get(attributes["conversation"] ?? "");
  const where = ` in ${room?.displayName ?? ""}`;
  return {
    title: room && title.endsWith(where) ? [title.slice(0, -where.length), nameOf(room)].join(" · ") : title,
    excerpt: subline,
    token: attributes["conversation"] ?? "",
    message: Number(attributes["messageId"]),
    timestamp: Number(attributes["timestamp"]),
  };
}
