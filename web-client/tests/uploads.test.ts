import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

/** What the server was asked, and what it answers instead of success: statuses by request, used up one by one. */
interface Server {
  asked: string[];
  posted: Record<string, string>[];
  failures: Map<string, number[]>;
  listeners: Set<(event: unknown) => void>;
  held: (() => void)[] | null;
}
const server = vi.hoisted((): Server => ({
  asked: [],
  posted: [],
  failures: new Map(),
  listeners: new Set(),
  held: null,
}));
/** What the browser keeps over a reload. */
const kept = vi.hoisted((): { list: Kept[]; isFull: boolean } => ({ list: [], isFull: false }));

vi.mock("../src/core/live.svelte", () => ({
  live: {
    on: (listener: (event: unknown) => void) => {
      server.listeners.add(listener);
      return () => server.listeners.delete(listener);
    },
  },
}));
vi.mock("../src/core/session.svelte", () => ({
  session: {
    me: { id: "an n" },
    hasEnded: false,
    check: () => Promise.resolve(true),
    keyOf: (thing: string) => `talkd.${thing}.ann`,
  },
}));
vi.mock("../src/files/texts", () => ({}));
vi.mock("../src/rooms/rooms.svelte", () => ({ rooms: { byToken: new Map([["t", {}]]) } }));
vi.mock("../src/files/kept", () => ({
  keep: ({ referenceId, wanted, progress }: Upload) => {
    if (kept.isFull) return Promise.resolve(false);
    kept.list.push({ referenceId, wanted, progress: structuredClone(progress) });
    return Promise.resolve(true);
  },
  keepProgress: ({ referenceId, progress }: Upload) => {
    const found = kept.list.find((each) => each.referenceId === referenceId);
    if (found) found.progress = structuredClone(progress);
    return Promise.resolve();
  },
  listKept: () => Promise.resolve([...kept.list]),
  forget: (referenceId: string) => {
    kept.list = kept.list.filter((each) => each.referenceId !== referenceId);
    return Promise.resolve();
  },
}));
vi.mock("../src/core/api", () => {
  class Refused extends Error {
    constructor(
      readonly status: number,
      readonly reason = "",
      readonly retryAfter = 0,
    ) {
      super();
    }
    get isOffline(): boolean {
      return this.status === 0 || this.status === 503;
    }
  }
  return {
    Refused,
    ROOT: "",
    talk: {
      get: () => {
        const status = server.failures.get("ROOM")?.shift();
        return status === undefined ? Promise.resolve({}) : Promise.reject(new Refused(status));
      },
      post: async (path: string, { body }: { body: Record<string, string> }) => {
        const name = path.endsWith("folder") ? "FOLDER" : "POST";
        server.asked.push(name);
        const status = server.failures.get(name)?.shift();
        if (status !== undefined) throw new Refused(status);
        if (name === "FOLDER")
          return Promise.resolve({ folder: "Talk/Sea-t/Ann-ann/Draft", renames: [{ "b.txt": "b (1).txt" }] });
        server.posted.push(body);
        return {};
      },
    },
  };
});
vi.mock("../src/files/transport", async () => {
  const { Refused } = await import("../src/core/api");
  return {
    send: async (method: string, path: string, { body, signal }: { body?: Blob; signal?: AbortSignal } = {}) => {
      const asked = `${method} ${decodeURIComponent(path)
        .replace(/^.*\/(?=[^/]*\/?$)/, "")
        .replace(/^[0-9a-f]{32}-/, "")}`;
      server.asked.push(asked);
      if (body && server.held) {
        const wait = new Promise<void>((resolve) => server.held?.push(resolve));
        await Promise.race([
          wait,
          new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error))),
        ]);
      }
      const status = server.failures.get(asked)?.shift();
      if (status !== undefined) throw new Refused(status, "");
      return () => "";
    },
  };
});

import { queue } from "../src/files/queue";
import { PIECE } from "../src/files/transfer";
import type { Kept } from "../src/files/kept";
import { uploads, type Upload, type Wanted } from "../src/files/uploads.svelte";

const large = 3.5 * PIECE;
const wanted = (name: string, more: Partial<Wanted> = {}, size = 3): Wanted => ({
  token: "t",
  file: new File([new Uint8Array(size)], name),
  batch: "1",
  caption: "",
  replyTo: 0,
  isSilent: false,
  isVoice: false,
  ...more,
});
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(100);
const names = (): (string | undefined)[] => server.posted.map((each) => each["fileName"]);
const release = (): void => {
  const held = server.held ?? [];
  server.held = null;
  for (const each of held) each();
};

describe("files on their way", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    [server.asked, server.posted, server.held] = [[], [], null];
    server.failures.clear();
    uploads.list = [];
    [kept.list, kept.isFull] = [[], false];
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("are uploaded and then shown by the room, under the name that is free", async () => {
    queue.add([wanted("b.txt", { caption: "Look", replyTo: 7, isSilent: true })]);
    await settle();
    expect(server.asked).toEqual(["FOLDER", "PUT b (1).txt", "POST"]);
    const [posted] = server.posted;
    expect(posted?.["filePath"]).toMatch(/^Talk\/Sea-t\/Ann-ann\/Draft\/[0-9a-f]{32}-b \(1\)\.txt$/);
    expect(posted?.["fileName"]).toBe("b (1).txt");
    expect(JSON.parse(posted?.["talkMetaData"] ?? "")).toEqual({ caption: "Look", replyTo: 7, silent: true });
  });

  it("are shown in the order in which they were chosen, although a later one is ready first", async () => {
    server.failures.set("PUT a.txt", [503]);
    queue.add([wanted("a.txt"), wanted("c.txt"), wanted("d.txt")]);
    await settle();
    expect(names()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1500);
    expect(names()).toEqual(["a.txt", "c.txt", "d.txt"]);
  });

  it("do not wait for one that the server has refused", async () => {
    server.failures.set("PUT a.txt", [413]);
    queue.add([wanted("a.txt"), wanted("c.txt")]);
    await settle();
    expect(names()).toEqual(["c.txt"]);
    expect(uploads.list.find((each) => each.wanted.file.name === "a.txt")?.obstacle).toBe("size");
  });

  it.each([
    [413, "size"],
    [507, "space"],
    [403, "refused"],
    [404, "lost"],
    [400, "other"],
  ])("that fail with %i say why, and can be sent again", async (status, obstacle) => {
    server.failures.set("PUT a.txt", [status]);
    queue.add([wanted("a.txt")]);
    await settle();
    const [upload] = uploads.list;
    expect(upload?.obstacle).toBe(obstacle);
    if (upload) queue.retry(upload);
    await settle();
    expect(names()).toEqual(["a.txt"]);
  });

  it("in pieces are resumed after a lost connection, without the pieces that are there", async () => {
    server.failures.set("PUT 2", [0]);
    queue.add([wanted("film.mp4", {}, large)]);
    await settle();
    expect(server.asked.filter((each) => each.startsWith("PUT")).sort()).toEqual(["PUT 1", "PUT 2", "PUT 3"]);
    const [upload] = uploads.list;
    expect(upload?.isStalled).toBe(true);
    expect(upload?.sent).toBe(2 * PIECE);
    dispatchEvent(new Event("online"));
    await settle();
    expect(server.asked.filter((each) => each.startsWith("PUT")).slice(3)).toEqual(["PUT 2", "PUT 4"]);
    expect(server.asked.filter((each) => each.startsWith("MKCOL"))).toHaveLength(1);
    expect(server.asked.slice(-2)).toEqual(["MOVE .file", "POST"]);
    expect(upload?.sent).toBe(large);
  });

  it("in pieces begin anew when the server has forgotten them", async () => {
    server.failures.set("MOVE .file", [404]);
    server.failures.set("HEAD film.mp4", [404]);
    queue.add([wanted("film.mp4", {}, large)]);
    await settle();
    expect(server.asked.filter((each) => each === "PUT 1")).toHaveLength(2);
    expect(names()).toEqual(["film.mp4"]);
  });

  it("keep their reference when the answer of the server is lost", async () => {
    server.failures.set("POST", [0, 503]);
    queue.add([wanted("a.txt")]);
    const reference = uploads.list[0]?.referenceId;
    await vi.advanceTimersByTimeAsync(5000);
    expect(server.asked.filter((each) => each === "POST")).toHaveLength(3);
    expect(server.posted.map((each) => each["referenceId"])).toEqual([reference]);
    expect(server.asked.filter((each) => each.startsWith("PUT"))).toHaveLength(1);
  });

  it("are forgotten when their message is in the room", async () => {
    server.failures.set("POST", [0]);
    queue.add([wanted("a.txt")]);
    const [upload] = uploads.list;
    await settle();
    const event = { type: "message", token: "t", message: { referenceId: upload?.referenceId } };
    for (const listener of server.listeners) listener(event);
    expect(uploads.list).toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.asked.filter((each) => each === "POST")).toHaveLength(1);
  });

  it("that are cancelled are removed from the server, and leave their caption to another of their batch", async () => {
    server.held = [];
    queue.add([wanted("a.txt"), wanted("film.mp4", { caption: "The sea" }, large)]);
    await settle();
    const film = uploads.list[1];
    if (film) void queue.cancel(film);
    await settle();
    expect(server.asked.at(-1)).toMatch(/^DELETE web-file-upload-[0-9a-f]{16}$/);
    release();
    await settle();
    expect(server.posted.map((each) => JSON.parse(each["talkMetaData"] ?? "") as unknown)).toEqual([
      { caption: "The sea" },
    ]);
  });

  it("are sent two at a time", async () => {
    server.held = [];
    queue.add(["a.txt", "c.txt", "d.txt"].map((name) => wanted(name)));
    await settle();
    expect(server.asked.filter((each) => each.startsWith("PUT"))).toEqual(["PUT a.txt", "PUT c.txt"]);
    release();
    await settle();
    expect(names()).toEqual(["a.txt", "c.txt", "d.txt"]);
  });

  /** Begins like a page that was loaded again, or that came after another one. */
  async function reload(): Promise<void> {
    for (const each of uploads.list) each.stop.abort();
    uploads.list = [];
    server.listeners.clear();
    vi.resetModules();
    const [{ queue: another }, { uploads: others }] = await Promise.all([
      import("../src/files/queue"),
      import("../src/files/uploads.svelte"),
    ]);
    server.asked = [];
    await another.look();
    await settle();
    shown = others;
  }
  let shown = uploads;

  it("go on after a reload with the pieces that the server lacks", async () => {
    server.failures.set("PUT 2", [0]);
    queue.add([wanted("film.mp4", { caption: "The sea" }, large)]);
    await settle();
    const [before] = uploads.list;
    await reload();
    expect(server.asked.filter((each) => each.startsWith("PUT"))).toEqual(["PUT 2", "PUT 4"]);
    expect(server.asked.slice(-2)).toEqual(["MOVE .file", "POST"]);
    expect(server.posted.map((each) => each["referenceId"])).toEqual([before?.referenceId]);
    expect(server.posted[0]?.["talkMetaData"]).toContain("The sea");
    expect(kept.list).toEqual([]);
  });

  it("are not sent again after a reload once the room shows them", async () => {
    queue.add([wanted("a.txt")]);
    await settle();
    await reload();
    expect(server.asked).toEqual([]);
  });

  it("are shown after a reload with what stopped them, and wait to be sent again", async () => {
    server.failures.set("PUT a.txt", [507]);
    queue.add([wanted("a.txt")]);
    await settle();
    await reload();
    expect(server.asked).toEqual([]);
    expect(shown.list.map((each) => [each.state, each.obstacle])).toEqual([["failed", "space"]]);
  });

  it("are given up when their room is gone", async () => {
    server.failures.set("FOLDER", [404]);
    server.failures.set("ROOM", [404]);
    queue.add([wanted("a.txt")]);
    await settle();
    expect(uploads.list).toEqual([]);
    expect(kept.list).toEqual([]);
  });

  it("that the browser cannot keep say so, and are asked about before the page is left", async () => {
    kept.isFull = true;
    server.held = [];
    queue.add([wanted("a.txt")]);
    await settle();
    expect(uploads.list[0]?.isKept).toBe(false);
    const leaving = new Event("beforeunload", { cancelable: true });
    dispatchEvent(leaving);
    expect(leaving.defaultPrevented).toBe(true);
    release();
  });
});
