import { describe, expect, it } from "vitest";
import type { Message } from "../src/core/api";
import { rowsOf } from "../src/chat/rows";

const NOON = new Date(2026, 0, 5, 12).getTime() / 1000;

function message(id: number, fields: Partial<Message> = {}): Message {
  return {
    id,
    actorType: "users",
    actorId: "alice",
    timestamp: NOON + id,
    message: `text ${id}`,
    systemMessage: "",
    referenceId: "",
    ...fields,
  } as Message;
}

const kinds = (messages: Message[], readBefore = 0): string[] =>
  rowsOf(messages, [], [], readBefore).map((row) => row.kind);

describe("rows of messages", () => {
  it("groups messages of one person", () => {
    const rows = rowsOf([message(1), message(2), message(3, { actorId: "bob" })], [], [], 0);
    expect(rows.map((row) => (row.kind === "message" ? row.isFirst : row.kind))).toEqual(["day", true, false, true]);
  });

  it("begins each day with its date", () => {
    expect(kinds([message(1), message(2, { timestamp: NOON + 86_400 })])).toEqual(["day", "message", "day", "message"]);
  });

  it("shows the line of unread messages once, and not above everything", () => {
    expect(kinds([message(5), message(6), message(7)], 5)).toEqual(["day", "message", "unread", "message", "message"]);
    expect(kinds([message(6), message(7)], 5)).toEqual(["day", "message", "message"]);
  });

  it("folds three or more system messages, and hides those that only change another message", () => {
    const events = [1, 2, 3].map((id) => message(id, { systemMessage: "user_added" }));
    expect(kinds(events)).toEqual(["day", "events"]);
    expect(kinds([...events.slice(0, 2), message(4, { systemMessage: "reaction" })])).toEqual([
      "day",
      "message",
      "message",
    ]);
  });

  it("shows a message on its way until it has arrived", () => {
    const pending = {
      token: "t",
      referenceId: "abc",
      text: "x",
      shown: "x",
      replyTo: 0,
      isSilent: false,
      createdAt: 0,
      refused: null,
    };
    expect(rowsOf([message(1)], [pending], [], 0).at(-1)?.kind).toBe("pending");
    expect(rowsOf([message(1, { referenceId: "abc" })], [pending], [], 0).at(-1)?.kind).toBe("message");
  });
});
