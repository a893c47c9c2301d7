import { describe, expect, it } from "vitest";
import { locale } from "../src/core/i18n.svelte";
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
