import { describe, expect, it } from "vitest";
import { reminderTimes } from "../src/chat/reminders/times";

const names = (text: string): string[] => reminderTimes(new Date(text)).map((each) => each.name);
const at = (text: string, name: string): string =>
  new Date((reminderTimes(new Date(text)).find((each) => each.name === name)?.at ?? 0) * 1000).toString().slice(0, 21);

describe("times of reminders", () => {
  it("are in the future, and each means something else", () => {
    expect(names("2026-11-25T10:00")).toEqual(["hour", "evening", "tomorrow", "weekend", "week"]); // a Wednesday
    expect(names("2026-11-27T17:30")).toEqual(["hour", "tomorrow", "week"]); // a Friday: tomorrow is the weekend
    expect(names("2026-11-29T10:00")).toEqual(["hour", "evening", "tomorrow"]); // a Sunday: tomorrow is next week
  });

  it("are in the morning, also over the end of a year", () => {
    expect(at("2026-12-30T10:00", "weekend")).toBe("Sat Jan 02 2027 08:00");
    expect(at("2026-12-30T10:00", "week")).toBe("Mon Jan 04 2027 08:00");
  });
});
