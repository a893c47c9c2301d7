import { describe, expect, it } from "vitest";
import type { Message } from "../src/core/api";
import { messagesIn, rowsOf } from "../src/chat/rows";

const NOON = new Date(2026, 0, 5, 12).getTime() / 1000;

function message(id: number, fields: Partial<Message> = {}): Message {
  return {
    id,
    actorType: "users",
    actorId: "alice",
    timestamp: NOON + id,
    message: `text ${id}`,
    systemMessage: "",
    messageParameters: [],
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

describe("pictures that one person sends one after the other", () => {
  const picture = (id: number, fields: Partial<Message> = {}): Message =>
    message(id, {
      message: "{file}",
      messageType: "comment",
      messageParameters: {
        file: { type: "file", id: `${id}`, name: `${id}.png`, mimetype: "image/png", "preview-available": "yes" },
      } as unknown as Message["messageParameters"],
      ...fields,
    });
  const groups = (messages: Message[], readBefore = 0): number[][] =>
    rowsOf(messages, [], [], readBefore)
      .filter((row) => row.kind === "message")
      .map((row) => messagesIn(row).map(({ id }) => id));

  it("are one row, with the key of the first and the caption of the last", () => {
    const messages = [picture(1), picture(2), picture(3, { message: "The sea" }), picture(4)];
    expect(groups(messages)).toEqual([[1, 2, 3], [4]]);
    const row = rowsOf(messages, [], [], 0)[1];
    expect(row?.key).toBe("m1");
    expect(row?.kind === "message" && row.message.message).toBe("The sea");
  });

  it.each([
    ["a text", message(2)],
    ["another person", picture(2, { actorId: "bob" })],
    ["a deleted picture", picture(2, { messageType: "comment_deleted" })],
    ["a voice message", picture(2, { messageType: "voice-message" })],
  ])("are parted by %s", (_what, between) => {
    expect(groups([picture(1), between, picture(3)]).every((each) => each.length === 1)).toBe(true);
  });

  it("begin anew with an answer", () => {
    const parent = message(1) as Message["parent"];
    expect(groups([picture(1), picture(2, { parent }), picture(3)])).toEqual([[1], [2, 3]]);
  });

  it("are parted by time, and by the line of what is unread", () => {
    expect(groups([picture(1), picture(2, { timestamp: NOON + 300 })])).toEqual([[1], [2]]);
    expect(groups([picture(1), picture(2), picture(3)], 1)).toEqual([[1], [2, 3]]);
  });
});
