import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const REASON = "in both directions";
const FORBIDDEN = [
  /(margin|padding|border)-(left|right)/,
  /[^-\w](left|right):/,
  /style\.(left|right)/,
  /(text-align|float|clear): (left|right)/,
  /translateX|scaleX/,
];
/** Four values for the sides of a box, which a browser does not mirror. */
const SIDES = /(?:padding|margin|inset): ([^\s;]+) ([^\s;]+) ([^\s;]+) ([^\s;]+);/;

function faultsIn(path: string): string[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => !line.includes(REASON))
    .filter((line) => {
      const [, , right, , left] = SIDES.exec(line) ?? [];
      return right !== left || FORBIDDEN.some((each) => each.test(line));
    })
    .map((line) => `${path}: ${line.trim()}`);
}

it("no style takes the left for the start of a line without a reason", () => {
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(svelte|css)$/.test(name))
    .map((name) => join("src", name));
  expect([...sources, "../src/talkd/web/pages/talkd.css"].flatMap(faultsIn)).toEqual([]);
});
