/** The messages of one room, from the oldest to the newest that were loaded. */

import { Refused, talk, type Message, type Room } from "../core/api";
import { isModerator, Permission } from "../core/constants";
import type { LiveEvent, Stay } from "../core/line.svelte";
import { live } from "../core/live.svelte";
import { session } from "../core/session.svelte";
import { rooms } from "../rooms/rooms.svelte";
import { outbox } from "./outbox.svelte";
import { HIDDEN } from "./rows";
import { Typing } from "./typing.svelte";

const PAGE = 100;
const PAUSE = 3000;
const MOST = 1000; // messages that are kept in memory
const CHANGES = new Set(["message_deleted", "message_edited", "reaction", "reaction_deleted", "reaction_revoked"]);
const OF_RECORDINGS = /(^|_)recording_(started|stopped|failed)$/;

/** Why a room is not open: it needs a password, does not exist or no longer, or the caller is banned or was removed. */
export type Barrier = "password" | "missing" | "banned" | "full" | "removed" | "deleted" | "left" | "elsewhere" | null;

export class Chat implements Stay {
  messages = $state.raw<Message[]>([]);
  /** Changes when messages from another place in the history replace those that were loaded. */
  place = $state(0);
  room = $state.raw<Room | null>(null);
  barrier = $state<Barrier>(null);
  isLoading = $state(true);
  hasOlder = $state(false);
  hasNewer = $state(false);
  /** The newest message that everybody has read, where the privacy settings allow to know it. */
  commonRead = $state(0);
  /** The newest message that was read when the room was opened, after which the line is shown. */
  readBefore = $state(0);
  /** A message to scroll to and to mark for a moment. */
  target = $state<number | null>(null);
  /** The newest message of somebody else that came while the room was open. It is read out. */
  heard = $state.raw<Message | null>(null);
  /** Whether the room has refused a password that was entered. */
  isPasswordWrong = $state(false);
  password = "";
  readonly typing = new Typing();
  /** The newest message of the caller. */
  newestOwn: number = $derived(
    this.messages.findLast((each) => this.#isOwn(each) && each.systemMessage === "")?.id ?? 0,
  );
  #ends: (() => void)[] = [];
  #onjoined: (() => Promise<void>) | undefined;
  #loadingOlder: Promise<void> | null = null;
  #loadingNewer: Promise<void> | null = null;
  /** The message up to which none is missing, from the first loaded one on. */
  #complete = 0;
  /** The message after which some may have been missed while the connection was lost. */
  #missedAfter: number | null = null;
  /** Whether some messages may have been missed while the room was opened. */
  #isBehind = false;
  /** The newest message that the server has told of. */
  #newest = 0;

  constructor(readonly token: string) {}

  /** Joins the room and loads its newest messages, or those around a message. */
  async open(around: number | null, onjoined?: () => Promise<void>): Promise<void> {
    this.#onjoined ??= onjoined;
    this.isLoading = true;
    this.#ends = [
      this.typing.start(),
      live.on((event) => this.#note(event)),
      outbox.onDelivered((message) => this.#receive(message, false)),
    ];
    try {
      await live.enter(this);
      await this.#onjoined?.();
      if (around === null) await this.#loadNewest();
      else await this.jumpTo(around);
      if (this.#isBehind && !this.hasNewer) void this.#catchUp();
    } catch (error) {
      this.barrier = barrierOf(error);
      this.isPasswordWrong = this.barrier === "password" && this.password !== "";
      if (this.barrier === null) throw error;
    } finally {
      this.isLoading = false;
    }
  }

  /** Tries again to join after a barrier. */
  async reopen(password = this.password): Promise<void> {
    this.password = password;
    this.barrier = null;
    this.close();
    await this.open(null);
  }

  close(): void {
    for (const end of this.#ends) end();
    this.#ends = [];
  }

  async join(): Promise<string> {
    const room = await talk.post("v4/room/{token}/participants/active", {
      path: { token: this.token },
      body: { password: this.password, force: true },
    });
    this.#setRoom(room);
    return room.sessionId;
  }

  async look(): Promise<void> {
    this.#setRoom(await talk.get("v4/room/{token}", { path: { token: this.token } }));
  }

  known(): number {
    return this.#complete;
  }

  get isWaitingInLobby(): boolean {
    return (
      this.room !== null &&
      this.room.lobbyState === 1 &&
      (this.room.permissions & Permission.ignoreLobby) === 0 &&
      !isModerator(this.room.participantType)
    );
  }

  async #loadNewest(): Promise<void> {
    if (this.isWaitingInLobby) return;
    this.readBefore = this.room?.unreadMessages ? this.room.lastReadMessage : 0;
    const page = await this.#getPage(0, 0);
    const last = page.at(-1)?.id ?? 0;
    if (this.hasNewer) this.#replace(page);
    else
      this.messages = merged(
        page,
        this.messages.filter((each) => each.id > last),
      );
    this.hasOlder = page.length === PAGE;
    this.hasNewer = false;
    this.#missedAfter = null;
    this.#complete = Math.max(last, this.messages.at(-1)?.id ?? 0);
    this.markRead();
    if (this.#newest > this.#complete) await this.loadNewer();
  }

  /** Takes messages from another place in place of those that are loaded. */
  #replace(messages: Message[]): void {
    this.messages = messages;
    this.place += 1;
  }

  /** Loads the messages before the first one. */
  loadOlder(): Promise<void> {
    this.#loadingOlder ??= this.#loadOlder().finally(() => (this.#loadingOlder = null));
    return this.#loadingOlder;
  }

  /** Loads the messages after the last one. */
  loadNewer(): Promise<void> {
    this.#loadingNewer ??= this.#loadNewer().finally(() => (this.#loadingNewer = null));
    return this.#loadingNewer;
  }

  async #loadOlder(): Promise<void> {
    if (!this.hasOlder) return;
    const { place } = this;
    const page = await this.#getPage(0, this.messages[0]?.id ?? 0);
    if (place !== this.place) return;
    this.hasOlder = page.length === PAGE;
    this.messages = merged(page, this.messages);
  }

  get hasTooMany(): boolean {
    return this.messages.length > MOST;
  }

  /** Forgets the oldest half of the messages. They can be loaded again. */
  forgetOldest(): void {
    this.messages = this.messages.slice(-MOST / 2);
    this.hasOlder = true;
  }

  /** Forgets the newest messages if there are too many. */
  forgetNewest(): void {
    if (!this.hasTooMany || this.#loadingNewer) return;
    this.messages = this.messages.slice(0, MOST);
    this.hasNewer = true;
    this.#complete = this.messages.at(-1)?.id ?? 0;
    this.#missedAfter = null;
  }

  async #loadNewer(): Promise<void> {
    const { place } = this;
    const page = await this.#getPage(1, this.#missedAfter ?? this.#complete);
    if (place !== this.place) return;
    const last = page.at(-1)?.id ?? this.#complete;
    this.hasNewer = page.length === PAGE;
    this.messages = merged(this.hasNewer ? this.messages.filter((each) => each.id <= last) : this.messages, page);
    this.#complete = this.hasNewer ? last : Math.max(this.#complete, last);
    this.#missedAfter = null;
    for (const message of page) this.#apply(message);
    this.markRead();
    if (!this.hasNewer && this.#newest > this.#complete) await this.#loadNewer();
  }

  #noteMissed(): void {
    if (this.isLoading) this.#isBehind = true;
    else if (!this.hasNewer) void this.#catchUp();
  }

  /** Loads what was missed while the connection was lost. Tries again until it succeeds. */
  async #catchUp(): Promise<void> {
    this.#isBehind = false;
    this.#missedAfter ??= this.#complete;
    await this.#loadingNewer?.catch(() => undefined); // it may have begun too early to have all
    try {
      await this.loadNewer();
    } catch {
      setTimeout(() => {
        if (this.#ends.length > 0 && this.#missedAfter !== null) void this.#catchUp();
      }, PAUSE);
    }
  }

  /** Shows a message, and loads the messages around it if it is not there yet. */
  async jumpTo(id: number): Promise<void> {
    if (!this.messages.some((each) => each.id === id)) {
      const around = await talk.get("v1/chat/{token}/{messageId}/context", {
        path: { token: this.token, messageId: id },
        query: { limit: PAGE / 2 },
      });
      this.#replace(around);
      this.#complete = around.at(-1)?.id ?? 0;
      this.#missedAfter = null;
      this.hasOlder = true;
      this.hasNewer = true;
      await this.#loadingNewer?.catch(() => undefined); // it has loaded what belongs to another place
      await this.loadNewer();
      this.markRead();
    }
    this.target = id;
  }

  /** Shows the newest messages. */
  async jumpToNewest(): Promise<void> {
    if (this.hasNewer) await this.#loadNewest();
    this.target = this.messages.at(-1)?.id ?? null;
  }

  /** Marks everything that is loaded as read. */
  markRead(): void {
    const last = this.messages.at(-1);
    const room = rooms.byToken.get(this.token) ?? this.room;
    if (!last || !room || this.hasNewer || document.hidden || room.actorType === "guests") return;
    if (room.lastReadMessage >= last.id && room.unreadMessages === 0) return;
    rooms.change(this.token, {
      lastReadMessage: last.id,
      unreadMessages: 0,
      unreadMention: false,
      unreadMentionDirect: false,
    });
    void talk
      .post("v1/chat/{token}/read", { path: { token: this.token }, body: { lastReadMessage: last.id } })
      .then((marked) => rooms.set(marked)) // the list may have been read before this
      .catch(() => undefined);
  }

  /** Replaces a message by what the server has answered to a change. */
  update(message: Message): void {
    this.messages = this.messages.map((each) => (each.id === message.id ? { ...each, ...message } : each));
  }

  /** Shows the change that the answer to an edit or deletion tells. */
  applyAnswer(answer: unknown): void {
    this.#apply(answer as Message);
  }

  async #getPage(lookIntoFuture: 0 | 1, lastKnownMessageId: number): Promise<Message[]> {
    const { data, headers } = await talk.getAnswer("v1/chat/{token}", {
      path: { token: this.token },
      query: { lookIntoFuture, lastKnownMessageId, limit: PAGE, timeout: 0, setReadMarker: 0, includeLastKnown: 0 },
    });
    this.noteCommonRead(headers);
    const page = (data as Message[] | undefined) ?? [];
    return lookIntoFuture === 0 ? page.toReversed() : page;
  }

  /** Notes what everybody has read, as an answer tells it. */
  noteCommonRead(headers: Headers): void {
    this.commonRead = Math.max(this.commonRead, Number(headers.get("X-Chat-Last-Common-Read") ?? 0));
  }

  /** Forgets the messages that have expired. */
  forgetExpired(): void {
    const now = Date.now() / 1000;
    this.messages = this.messages.filter((each) => each.expirationTimestamp === 0 || each.expirationTimestamp > now);
  }

  #isOwn(message: Message): boolean {
    return message.actorType === this.room?.actorType && message.actorId === this.room.actorId;
  }

  #setRoom(room: Room): void {
    this.room = room;
    rooms.set(room);
    const kind = { guests: "guest", emails: "email" }[room.actorType];
    session.guestId = kind === undefined ? "" : `${kind}/${room.actorId}`;
  }

  #note(event: LiveEvent): void {
    if (event.type === "message" && event.token === this.token) this.#receive(event.message, true);
    else if (event.type === "missed" && event.token === this.token) this.#noteMissed();
    else if (event.type === "gone" && event.token === this.token) void this.#end(endOf(event.reason));
    else if (event.type === "refused" && event.token === this.token) this.barrier = barrierOf(event.error);
    else if (event.type === "room" && event.token === this.token) void this.#refreshRoom();
  }

  /** Notes that this page is no longer in the room. A logout ends that, too. */
  async #end(reason: Barrier): Promise<void> {
    if (reason === "elsewhere" && !(await session.check())) return;
    this.barrier ??= reason;
  }

  async #refreshRoom(): Promise<void> {
    const wasWaiting = this.isWaitingInLobby;
    await this.look();
    if (wasWaiting && this.messages.length === 0) await this.#loadNewest();
  }

  /** Shows a message. `isInOrder`: the server has told of all messages before it. */
  #receive(message: Message, isInOrder: boolean): void {
    if (message.token !== this.token || this.messages.some((each) => each.id === message.id)) return;
    if (isInOrder) this.#newest = Math.max(this.#newest, message.id);
    this.hasNewer ||= this.messages.length >= 2 * MOST;
    if (!this.hasNewer) {
      this.messages = merged(this.messages, [message]);
      if (isInOrder) this.#complete = Math.max(this.#complete, message.id);
      this.#apply(message);
    }
    if (message.systemMessage === "" && !this.#isOwn(message)) this.heard = message;
    if (!HIDDEN.has(message.systemMessage)) rooms.noteMessage(this.token, message, !document.hidden);
    this.markRead();
  }

  /** Does what a system message says: a message or the room was changed, or all messages were deleted. */
  #apply(message: Message): void {
    const parent = message.parent as Message | undefined;
    if (CHANGES.has(message.systemMessage) && parent) this.update(parent);
    else if (message.systemMessage === "history_cleared") this.messages = [message];
    else if (OF_RECORDINGS.test(message.systemMessage)) void this.#refreshRoom(); // polls tell nothing else of it
  }
}

/** Returns the messages of both lists, each once, in order. Those of the second list are newer states. */
function merged(list: Message[], more: Message[]): Message[] {
  if ((list.at(-1)?.id ?? 0) < (more[0]?.id ?? 0)) return [...list, ...more];
  const byId = new Map([...list, ...more].map((each) => [each.id, each]));
  return [...byId.values()].sort((a, b) => a.id - b.id);
}

function endOf(reason: string): Barrier {
  if (reason === "removed" || reason === "deleted" || reason === "elsewhere") return reason;
  return reason === "" ? "left" : "missing";
}

function barrierOf(error: unknown): Barrier {
  if (!(error instanceof Refused)) return null;
  if (error.status === 403) return error.reason === "ban" ? "banned" : "password";
  return error.status === 404 ? "missing" : null;
}
