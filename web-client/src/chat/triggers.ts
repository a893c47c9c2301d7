/** What starts suggestions in a text that is being written: `@name` and `:emoji`. */

export interface Trigger {
  kind: "mention" | "emoji";
  /** The position of the first character, which is replaced by what is chosen. */
  start: number;
  query: string;
}

const MENTION = /(?:^|[\s(])@([^\s@:]{0,40}(?: [^\s@:]{1,40})?)$/u;
const EMOJI = /(?:^|[\s(]|\p{Extended_Pictographic}\uFE0F?):([\p{L}\p{N}_+-]{2,40})$/u;
const LONGEST = 90;

/** Returns what the text before the caret asks suggestions for, or null. */
export function triggerAt(text: string, caret: number): Trigger | null {
  const before = text.slice(Math.max(0, caret - LONGEST), caret);
  for (const [kind, pattern] of [["mention", MENTION] as const, ["emoji", EMOJI] as const]) {
    const query = pattern.exec(before)?.[1];
    if (query !== undefined) return { kind, start: caret - query.length - 1, query };
  }
  return null;
}

/** Replaces what was typed since the trigger by what was chosen. Returns the text, and where the caret belongs. */
export function complete(text: string, caret: number, trigger: Trigger, chosen: string): [string, number] {
  const before = text.slice(0, trigger.start) + chosen + " ";
  return [before + text.slice(caret).replace(/^ /, ""), before.length];
}
