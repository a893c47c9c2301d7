import { afterEach, describe, expect, it } from "vitest";
import { locale } from "../src/core/i18n.svelte";
import { RoomType } from "../src/core/constants";
import { authorOf, descriptionOf, nameOf } from "../src/rooms/names";
import { inputOf, secondsOf } from "../src/rooms/times";

describe("times in fields", () => {
  it("shows the time that was entered", () => {
    expect(inputOf(secondsOf("2031-07-05T08:30"))).toBe("2031-07-05T08:30");
    expect(inputOf(secondsOf("2031-01-05T08:30"))).toBe("2031-01-05T08:30");
  });

  it("is empty where there is no time", () => {
    expect(inputOf(0)).toBe("");
    expect(secondsOf("")).toBe(0);
  });
});

describe("spans of time", () => {
  it("uses the largest unit that needs no fraction", () => {
    expect([3600, 129_600, 604_800, 90].map(locale.span)).toEqual(["1 hour", "36 hours", "1 week", "90 seconds"]);
  });
});

describe("names that the server gives", () => {
  afterEach(() => locale.use("en"));

  it("are in the reader's language, unless the user has chosen another one", async () => {
    await locale.use("de");
    expect(nameOf({ type: RoomType.noteToSelf, displayName: "Note to self" })).toBe("Notiz an mich");
    expect(nameOf({ type: RoomType.noteToSelf, displayName: "Shopping" })).toBe("Shopping");
    expect(nameOf({ type: RoomType.group, displayName: "Note to self" })).toBe("Note to self");
    expect(nameOf({ type: RoomType.changelog, displayName: "Talk updates ✅" })).toBe("Neues in Talk ✅");
    const description = "A place for your private notes, thoughts and ideas";
    expect(descriptionOf({ type: RoomType.noteToSelf, description })).toBe(
      "Ein Ort für deine Notizen, Gedanken und Ideen",
    );
    expect(descriptionOf({ type: RoomType.group, description })).toBe(description);
    const author = { actorType: "bots", actorId: "changelog", actorDisplayName: "Talk updates ✅" };
    expect(authorOf(author)).toBe("Neues in Talk ✅");
  });
});
