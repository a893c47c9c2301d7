import { describe, expect, it } from "vitest";
import type { Message } from "../src/core/api";
import { parse, plainText, safeAddress, sourceText, split, type Node } from "../src/chat/markdown";

const depthOf = (nodes: Node[]): number =>
  Math.max(0, ...nodes.map((node) => 1 + ("children" in node ? depthOf(node.children) : 0)));

const alice = { type: "user", id: "alice", name: "Alice" };

describe("messages as trees", () => {
  it("keeps HTML as text", () => {
    const [node] = parse("<img src=x onerror=alert(1)>");
    expect(node).toMatchObject({ type: "html", value: "<img src=x onerror=alert(1)>" });
  });

  it.each([
    "javascript:alert(1)",
    " JavaScript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "//example.org",
    "file:///etc",
  ])("follows no link to %s", (address) => expect(safeAddress(address)).toBeNull());

  it("follows links of the web, mail and telephone", () => {
    for (const address of ["https://example.org", "http://example.org", "mailto:a@example.org", "tel:+1"]) {
      expect(safeAddress(address)).toBe(address);
    }
  });

  it("reads the names of characters without HTML", () => {
    const [node] = parse("5 &lt; 6 &amp;&nbsp;&copy; &unknown;");
    expect(node).toMatchObject({ children: [{ value: "5 < 6 &\u00A0© &unknown;" }] });
  });

  it("takes a text without markup for a paragraph", () => {
    const paragraph = { type: "paragraph", children: [{ type: "text", value: "See you at ten, Zoë 👍 (really)" }] };
    expect(parse("See you at ten, Zoë 👍 (really)")).toMatchObject([paragraph]);
  });

  it.each(["see www.example.org", "ann@example.org", "http://example.org"])("finds the link in %s", (text) => {
    expect(JSON.stringify(parse(text))).toContain('"type":"link"');
  });

  it.each(["a\n\nb", "Title\n===", "    code"])("finds the blocks of %j", (text) => {
    expect(parse(text)).not.toMatchObject([{ type: "paragraph", children: [{ value: text }] }]);
  });

  it.each([
    ["quotes", ">".repeat(32_000)],
    ["quotes with spaces", "> ".repeat(300) + "deep"],
    ["lists", "1. ".repeat(10_000)],
    ["lists over many lines", Array.from({ length: 100 }, (_, level) => "  ".repeat(level) + "- x").join("\n")],
    ["emphasis", "*a **b ".repeat(2000) + "c** d* ".repeat(2000)],
    ["short emphasis", "*a _b ".repeat(20) + "c_ d* ".repeat(20)],
    ["lines", "a\n".repeat(16_000)],
  ])("shows deep or costly %s quickly and flat", (_, text) => {
    const start = performance.now();
    const blocks = parse(text);
    expect(performance.now() - start).toBeLessThan(5000); // without the limits: minutes
    expect(depthOf(blocks)).toBeLessThanOrEqual(17);
    expect(JSON.stringify(blocks)).toContain(text.trim().slice(-1));
  });

  it("keeps what people nest and write at length", () => {
    const list = Array.from({ length: 6 }, (_, level) => "  ".repeat(level) + "- x").join("\n");
    expect(depthOf(parse(list))).toBe(14);
    expect(parse("**bold** and plain words. ".repeat(500))).toMatchObject([{ children: { length: 1000 } }]);
  });

  it("replaces placeholders by their parameters and leaves unknown ones as text", () => {
    expect(split("Hi {mention-user1}, {other}!", { "mention-user1": alice })).toEqual([
      "Hi ",
      alice,
      ", ",
      "{other}",
      "!",
    ]);
  });

  it.each(["{constructor}", "{toString}", "{__proto__}"])("shows %s as it was typed", (text) => {
    expect(split(text, {})).toEqual([text]);
  });

  it("names people in previews", () => {
    const message = { message: "Hi {mention-user1}", systemMessage: "", messageParameters: { "mention-user1": alice } };
    expect(plainText(message as unknown as Message)).toBe("Hi @Alice");
  });

  it.each([
    ["## News\n\n**_very_ new**, see [here](https://example.org)", "News\nvery new, see here"],
    ["1. one\n2. `two`\n\n> said {mention-user1}", "one\ntwo\nsaid @Alice"],
    ["| a | b |\n|---|---|\n| c | d |", "a b\nc d"],
    ["snake_case * 2", "snake_case * 2"],
    ["a\n\n---\n\nb", "a\n\nb"],
    ["{mention-user1}\\\nand <b>", "@Alice\nand <b>"],
  ])("shows %j in previews as it is read", (text, shown) => {
    const message = { message: text, systemMessage: "", messageParameters: { "mention-user1": alice }, markdown: true };
    expect(plainText(message as unknown as Message)).toBe(shown);
    expect(sourceText(message as unknown as Message)).toBe(text.replace("{mention-user1}", "@Alice"));
  });

  it("leaves messages without Markdown as they are", () => {
    const message = { message: "# 1", messageParameters: [], markdown: false };
    expect(plainText(message as unknown as Message)).toBe("# 1");
  });
});
