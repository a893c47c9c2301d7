import { describe, expect, it } from "vitest";
import type { Message } from "../src/core/api";
import { otherPlace } from "../src/chat/links";
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

describe("links whose text names another place", () => {
  it.each([
    ["https://a.example", "https://b.example/x", "b.example"],
    ["a.example", "https://b.example", "b.example"],
    ["A.EXAMPLE/login", "https://a.example.b.example/login", "a.example.b.example"],
    ["go to www.a.example now", "http://b.example:8080", "b.example"],
    ["https://a.example@c.example", "https://b.example", "b.example"],
    ["a\u200b.exam\u2060ple", "https://b.example", "b.example"],
    ["ａ.example", "https://b.example", "b.example"],
    ["аpple.example", "https://apple.example", "apple.example"],
    ["10.0.0.1", "https://10.0.0.2", "10.0.0.2"],
    ["https://a.example", "mailto:eve@b.example", "eve@b.example"],
    ["ann@a.example", "mailto:eve@a.example", "eve@a.example"],
    ["ann@a.example", "https://b.example", "b.example"],
  ])("say that %s leads elsewhere", (text, address, place) => expect(otherPlace(address, text)).toBe(place));

  it.each([
    ["https://a.example", "https://a.example/deep?q=b.example"],
    ["a.example", "https://www.A.example/"],
    ["www.a.example/x", "http://a.example/x"],
    ["bücher.example", "https://xn--bcher-kva.example"],
    ["ann@a.example", "mailto:ann@a.example"],
    ["The minutes of 12.10.2026, version 1.2", "https://a.example"],
    ["here", "https://a.example"],
    ["+49 30 1234", "tel:+49301234"],
  ])("say nothing more of %s to %s", (text, address) => expect(otherPlace(address, text)).toBeNull());

  it.each(["(", "a@", "a.", "1.", "a:"])("take little time with %j again and again", (part) => {
    const start = performance.now();
    otherPlace("https://a.example", part.repeat(32_000));
    expect(performance.now() - start).toBeLessThan(500);
  });

  it("are read out with it", () => {
    const message = "[https://a.example](https://b.example)";
    expect(plainText({ message, markdown: true, systemMessage: "", messageParameters: [] } as unknown as Message)).toBe(
      "https://a.example (b.example)",
    );
  });
});
