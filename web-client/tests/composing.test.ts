import { describe, expect, it } from "vitest";
import type { Message } from "../src/core/api";
import { decodeMentions, encodeMentions } from "../src/chat/mentions";
import { rowAfter } from "../src/chat/roving";
import { complete, triggerAt } from "../src/chat/triggers";

const BOB = { name: "Bob", id: "bob" };
const SMITH = { name: "Bob Smith", id: "b.smith" };

describe("mentions", () => {
  it("are sent in the form of the API, the longest name first", () => {
    expect(encodeMentions("@Bob Smith and @Bob, hi", [BOB, SMITH])).toBe('@"b.smith" and @"bob", hi');
  });

  it("are not found inside of words", () => {
    expect(encodeMentions("mail a@Bob or @Bobby", [BOB])).toBe("mail a@Bob or @Bobby");
  });

  it("may have characters in their name that patterns know", () => {
    expect(encodeMentions("@A (x) [y]", [{ name: "A (x) [y]", id: "a" }])).toBe('@"a"');
  });

  it("are names again when a message is edited", () => {
    const parameters = {
      "mention-user1": { type: "user", id: "bob", name: "Bob", "mention-id": "bob" },
      "mention-user2": { type: "user", id: "bob2", name: "Bob", "mention-id": "bob2" },
    };
    const message = { message: "{mention-user1} {mention-user2} {x}", messageParameters: parameters } as unknown;
    const { text, mentions } = decodeMentions(message as Message);
    expect(text).toBe('@Bob @"bob2" {x}');
    expect(encodeMentions(text, mentions)).toBe('@"bob" @"bob2" {x}');
  });
});

describe("suggestions", () => {
  const at = (text: string): unknown => triggerAt(text, text.length);

  it("begin with @ and with : and two letters, at the begin of a word", () => {
    expect(at("hi @")).toEqual({ kind: "mention", start: 3, query: "" });
    expect(at("hi @bob sm")).toEqual({ kind: "mention", start: 3, query: "bob sm" });
    expect(at("a :ta")).toEqual({ kind: "emoji", start: 2, query: "ta" });
    expect(at("🎉:he")).toEqual({ kind: "emoji", start: 2, query: "he" });
  });

  it("do not come for addresses, times and smileys of one letter", () => {
    for (const text of ["mail@host", "12:30", "a :D", "https://x", "@bob and more"]) expect(at(text)).toBeNull();
  });

  it("replace what was typed", () => {
    expect(complete("hi @bo there", 6, { kind: "mention", start: 3, query: "bo" }, "@Bob")).toEqual([
      "hi @Bob there",
      8,
    ]);
  });
});

describe("moving between rows", () => {
  it("stops at the ends, and leaves other keys alone", () => {
    const keys = ["a", "b", "c"];
    expect(["ArrowUp", "ArrowDown", "Home", "End", "x"].map((key) => rowAfter(keys, "b", key))).toEqual([
      "a",
      "c",
      "a",
      "c",
      null,
    ]);
    expect(rowAfter(keys, "c", "ArrowDown")).toBeNull();
    expect(rowAfter(keys, "a", "ArrowUp")).toBeNull();
  });
});
