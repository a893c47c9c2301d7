import { beforeEach, describe, expect, it, vi } from "vitest";

/**
 * The messages that the server has, the listeners of the page, how many requests fail next, how long a request for
 * more messages takes, and up to where messages were marked as read.
 */
interface Server {
  messages: number[];
  emit: (event: unknown) => void;
  deliver: (message: unknown) => void;
  failures: number;
  pause: number;
  read: number[];
}
const server = vi.hoisted((): Server => ({
  messages: [],
  emit: () => undefined,
  deliver: () => undefined,
  failures: 0,
  pause: 0,
  read: [],
}));
const message = (id: number): Record<string, unknown> => ({
  id,
  token: "t",
  systemMessage: "",
  timestamp: id,
  actorType: "users",
  actorId: "bob",
});

vi.mock("../src/core/live.svelte", () => ({
  live: {
    on: (listener: (event: unknown) => void) => ((server.emit = listener), (): void => undefined),
    enter: (stay: { join: () => Promise<string> }) => stay.join(),
  },
}));
vi.mock("../src/chat/typing.svelte", () => ({
  Typing: class {
    start = (): (() => void) => (): void => undefined;
  },
}));
vi.mock("../src/chat/outbox.svelte", () => ({
  outbox: { onDelivered: (listener: (each: unknown) => void) => ((server.deliver = listener), (): void => undefined) },
}));
vi.mock("../src/core/session.svelte", () => ({ session: {} }));
vi.mock("../src/core/api", () => ({
  Refused: class extends Error {},
  talk: {
    post: (_path: string, { body }: { body?: { lastReadMessage?: number } }) => {
      if (body?.lastReadMessage) server.read.push(body.lastReadMessage);
      return Promise.resolve({ actorType: "users", actorId: "alice", permissions: 254, lobbyState: 0, sessionId: "s" });
    },
    getAnswer: async (_path: string, { query }: { query: { lookIntoFuture: number; lastKnownMessageId: number } }) => {
      if (server.failures-- > 0) throw new Error("offline");
      const { lookIntoFuture, lastKnownMessageId: known } = query;
      if ((lookIntoFuture || known > 0) && server.pause > 0)
        await new Promise((resolve) => setTimeout(resolve, server.pause));
      const found = lookIntoFuture
        ? server.messages.filter((id) => id > known).slice(0, 100)
        : server.messages
            .filter((id) => known === 0 || id < known)
            .slice(-100)
            .toReversed();
      return { data: found.map(message), status: 200, headers: new Headers() };
    },
    get: (_path: string, { path: { messageId } }: { path: { messageId: number } }) =>
      Promise.resolve(server.messages.filter((id) => Math.abs(id - messageId) <= 50).map(message)),
  },
}));

import { Chat } from "../src/chat/chat.svelte";

const ids = (chat: Chat): number[] => chat.messages.map((each) => each.id);
const tell = (id: number): void => server.emit({ type: "message", token: "t", message: message(id) });

describe("the messages of a room", () => {
  beforeEach(() => {
    [server.messages, server.failures, server.pause] = [[1, 2, 3], 0, 0];
    vi.useFakeTimers();
  });

  it("shows each message once and in order", async () => {
    const chat = new Chat("t");
    await chat.open(null);
    for (const id of [4, 4, 6]) tell(id);
    server.deliver(message(5));
    expect(ids(chat)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("begins with the newest messages if the connection is lost while it opens", async () => {
    server.messages = Array.from({ length: 300 }, (_each, index) => index + 1);
    const chat = new Chat("t");
    const opened = chat.open(null);
    server.pause = 50;
    server.emit({ type: "missed", token: "t" });
    await opened;
    server.messages.push(301);
    await vi.runAllTimersAsync();
    expect(ids(chat)).toEqual(Array.from({ length: 101 }, (_each, index) => index + 201));
  });

  it("keeps a message that comes while the newest ones are loaded", async () => {
    const chat = new Chat("t");
    const opened = chat.open(null);
    tell(4);
    await opened;
    expect(ids(chat)).toEqual([1, 2, 3, 4]);
  });

  it("loads what was missed even if an own message was delivered first", async () => {
    const chat = new Chat("t");
    await chat.open(null);
    server.messages = [1, 2, 3, 4, 5, 6];
    server.deliver(message(6));
    server.emit({ type: "missed", token: "t" });
    tell(7);
    await vi.runAllTimersAsync();
    expect(ids(chat)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("marks what was missed as read", async () => {
    const chat = new Chat("t");
    await chat.open(null);
    server.messages.push(4, 5);
    server.emit({ type: "missed", token: "t" });
    await vi.waitFor(() => expect(server.read).toContain(5));
  });

  it("tries again to load what was missed, although newer messages come", async () => {
    const chat = new Chat("t");
    await chat.open(null);
    [server.messages, server.failures] = [[1, 2, 3, 4, 5], 2];
    server.emit({ type: "missed", token: "t" });
    tell(5);
    await vi.runAllTimersAsync();
    expect(ids(chat)).toEqual([1, 2, 3, 4, 5]);
  });

  it.each(["loadOlder", "loadNewer"] as const)("does not mix places of the history: %s before a jump", async (load) => {
    server.messages = Array.from({ length: 1000 }, (_each, index) => index + 1);
    const chat = new Chat("t");
    await chat.open(700);
    server.pause = 50;
    const loading = chat[load]();
    const jumping = chat.jumpTo(200);
    await vi.runAllTimersAsync();
    await Promise.all([loading, jumping]);
    const [first = 0] = ids(chat);
    expect(first).toBeLessThan(200);
    expect(ids(chat)).toEqual(chat.messages.map((_each, index) => first + index));
    expect(chat.messages.length).toBeGreaterThan(150);
  });

  it("keeps a bounded number of messages, and loads the others again", async () => {
    server.messages = Array.from({ length: 3000 }, (_, index) => index + 1);
    const chat = new Chat("t");
    await chat.open(null);
    for (let id = 3001; id < 5200; id++) tell(id);
    expect(chat.messages.length).toBeLessThan(2100);
    expect(chat.hasNewer).toBe(true);
    chat.forgetOldest();
    expect(chat.hasOlder).toBe(true);
    const last = chat.messages.at(-1)?.id ?? 0;
    server.messages = Array.from({ length: 5199 }, (_, index) => index + 1);
    await chat.loadNewer();
    expect(ids(chat).slice(-101)).toEqual(Array.from({ length: 101 }, (_, index) => last + index));
  });
});
