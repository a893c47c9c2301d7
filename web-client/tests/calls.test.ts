import { describe, expect, it, vi } from "vitest";
import { Connections, type ConnectionsOwner } from "../src/calls/connections";
import { isTaken } from "../src/calls/keys";
import { statusIn } from "../src/calls/peer";
import { Person } from "../src/calls/person.svelte";
import { ringing } from "../src/calls/ringing";
import type { Room } from "../src/core/api";
import {
  columnsFor,
  durationText,
  flagsOf,
  goesThroughGateway,
  handTime,
  isOurOffer,
  layerFor,
} from "../src/calls/protocol";

describe("the rules of calls", () => {
  it("lets exactly one of two sessions that send media offer them", () => {
    const [a, b] = [
      { id: "a", flags: 7 },
      { id: "b", flags: 3 },
    ];
    expect([isOurOffer(a, b), isOurOffer(b, a)]).toEqual([false, true]);
  });

  it("lets the one that sends media offer them to one that sends none", () => {
    const [speaker, listener] = [
      { id: "a", flags: 3 },
      { id: "b", flags: 1 },
    ];
    expect([isOurOffer(speaker, listener), isOurOffer(listener, speaker)]).toEqual([true, false]);
    expect(isOurOffer({ id: "c", flags: 1 }, listener)).toBe(false);
  });

  it("connects directly to those who poll", () => {
    expect(["abc", "-abc", "~abc"].map(goesThroughGateway)).toEqual([true, false, false]);
  });

  it("tells which media are sent", () => {
    expect(flagsOf({ audio: true, video: true })).toBe(7);
    expect(flagsOf({ audio: false, video: false })).toBe(1);
  });

  it("makes tiles as large as the area allows", () => {
    expect(columnsFor(1, 1000, 600)).toBe(1);
    expect(columnsFor(2, 1600, 500)).toBe(2);
    expect(columnsFor(2, 390, 700)).toBe(1);
    expect(columnsFor(9, 1600, 900)).toBe(3);
  });

  it("rings for running calls, each once", () => {
    const room = (token: string, hasCall: boolean): [string, Room] => [token, { token, hasCall } as Room];
    const rooms = new Map([room("a", true), room("over", false)]);
    const notices = ["a", "over", "a", "gone"].map((object_id, index) => ({ object_id, notification_id: index + 1 }));
    expect(ringing(notices, rooms)).toEqual([{ id: 3, room: rooms.get("a") }]);
  });

  it("takes the time of a raised hand only if it can be true", () => {
    vi.useFakeTimers({ now: 1e12 });
    expect([1e12 - 5000, 1e12 + 5000].map(handTime)).toEqual([1e12 - 5000, 1e12 + 5000]);
    expect([undefined, "1", NaN, -Infinity, 1e9, 1e12 + 1e6, 1].map(handTime)).toEqual(Array<number>(7).fill(1e12));
    vi.useRealTimers();
  });

  it("chooses the layer of a picture by the width at which it is shown", () => {
    expect([1, 320, 640, 1280].map(layerFor)).toEqual([0, 0, 1, 2]);
  });

  it("shows hours only if there are some", () => {
    expect([5, 65, 3665].map(durationText)).toEqual(["0:05", "1:05", "1:01:05"]);
  });
});

describe("strangers", () => {
  const owner = { usesGateway: false, iceServers: [], outgoing: () => null, send: vi.fn() };
  const offer = { type: "offer", roomType: "video", sid: "1", payload: { type: "offer", sdp: "" } };

  it("get no connection until they are in the call", () => {
    vi.stubGlobal("MediaStream", Object);
    const connection = { signalingState: "closed" };
    vi.stubGlobal("RTCPeerConnection", function () {
      return connection;
    });
    const connections = new Connections(owner as unknown as ConnectionsOwner);
    const peers = (): string[] => connections.list.map((each) => each.options.id);
    const me = { id: "me", flags: 7 };
    connections.update(me, []);
    expect(connections.receive("stranger", offer)).toBe(true);
    connections.update(me, []);
    expect(peers()).toEqual([]);
    connections.update(me, [{ id: "stranger", flags: 7 }]);
    expect(peers()).toEqual(["stranger"]);
    vi.unstubAllGlobals();
  });

  it("tell over a channel only what has a type", () => {
    const told = ['{"type":"audioOn"}', "{", "null", "[]", '"text"', '{"type":1}', new ArrayBuffer(1)];
    expect(told.map((each) => statusIn(each)?.type)).toEqual(["audioOn", ...told.slice(1).map(() => undefined)]);
  });

  it("change their names only as guests", () => {
    const named = (actorType: string): string => {
      const person = new Person("session", actorType, "id", false);
      person.name = "Bob";
      person.note("nickChanged", { name: "Alice" });
      return person.name;
    };
    expect([named("users"), named("guests")]).toEqual(["Bob", "Alice"]);
  });
});

describe("keys of a call", () => {
  function pressedIn(html: "input" | "button" | "div", key: string): boolean {
    const element: HTMLElement = document.body.appendChild(document.createElement(html));
    let found = false;
    element.addEventListener("keydown", (event) => (found = isTaken(event)));
    element.dispatchEvent(new KeyboardEvent("keydown", { key }));
    return found;
  }

  it("belong to what one writes in, and Space to the button that has the focus", () => {
    expect(pressedIn("input", "m")).toBe(true);
    expect(pressedIn("button", "m")).toBe(false);
    expect(pressedIn("button", " ")).toBe(true);
    expect(pressedIn("div", " ")).toBe(false);
  });
});
