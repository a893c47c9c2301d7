import { describe, expect, it } from "vitest";
import { loadEmoji, searchEmoji } from "../src/chat/emoji/emoji";

describe("emoji", () => {
  it("are found by their name before others, and by the begin of words", async () => {
    const { all } = await loadEmoji("en");
    const chars = (query: string): string[] => searchEmoji(all, query, 8).map((each) => each.char);
    expect(chars("tada")[0]).toBe("🎉");
    expect(chars(":heart:")[0]).toBe("❤️");
    expect(chars("red hea")).toContain("❤️");
    expect(chars("no such emoji")).toEqual([]);
  });

  it("are found in German, also without umlauts", async () => {
    const { all, groups } = await loadEmoji("de");
    expect(searchEmoji(all, "rotes Herz", 3).map((each) => each.char)).toContain("❤️");
    expect(searchEmoji(all, "eisbar", 8).length).toBeGreaterThan(0);
    expect(groups.map((group) => group.label)).toContain("Essen & Trinken");
  });

  it("are all shown once, without skin tones and letters of flags", async () => {
    const { all, groups } = await loadEmoji("en");
    expect(new Set(all.map((each) => each.char)).size).toBe(all.length);
    expect(all.length).toBeGreaterThan(1800);
    expect(groups).toHaveLength(9);
  });
});
