/** All emoji with their names in the language of the reader. They are loaded when they are first used. */

import type { Language } from "../../core/i18n.svelte";
import { folded } from "../../rooms/search";

export interface Emoji {
  char: string;
  label: string;
  /** Names between colons, such as `tada`. */
  names: string[];
  /** What a search looks at: names, label and tags without case and accents. */
  words: string[];
}

export interface EmojiGroup {
  label: string;
  list: Emoji[];
}

export interface EmojiData {
  groups: EmojiGroup[];
  all: Emoji[];
}

/** An emoji in `emojibase-data`. */
interface Entry {
  hexcode: string;
  label: string;
  unicode: string;
  tags?: string[];
  group?: number;
  order?: number;
}

const COMPONENTS = 2; // skin tones and the like, which are no emoji by themselves
const RECENT = "talkd.emoji";
const RECENT_LENGTH = 16;
const loading = new Map<Language, Promise<EmojiData>>();

/** Loads the emoji of a language. */
export function loadEmoji(language: Language): Promise<EmojiData> {
  const known = loading.get(language);
  if (known) return known;
  const loaded = load(language);
  loading.set(language, loaded);
  loaded.catch(() => loading.delete(language)); // the next use tries again
  return loaded;
}

async function load(language: Language): Promise<EmojiData> {
  const [emoji, messages, names] = await Promise.all([
    language === "de" ? import("emojibase-data/de/compact.json") : import("emojibase-data/en/compact.json"),
    language === "de" ? import("emojibase-data/de/messages.json") : import("emojibase-data/en/messages.json"),
    import("emojibase-data/en/shortcodes/github.json"),
  ]);
  return arranged(emoji.default, messages.default, names.default);
}

/** Returns the emoji in their groups and order. */
export function arranged(
  emoji: Entry[],
  messages: { groups: { message: string }[] },
  codes: Record<string, string | string[]>,
): EmojiData {
  const groups: EmojiGroup[] = messages.groups.map(({ message }) => ({ label: message, list: [] }));
  const sorted = emoji
    .filter(({ group }) => group !== undefined && group !== COMPONENTS)
    .sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
  for (const { unicode: char, label, tags, hexcode, group } of sorted) {
    const names = [codes[hexcode] ?? []].flat();
    const words = [...names, ...label.split(/[\s:,]+/), ...(tags ?? [])].map(folded).filter(Boolean);
    groups[group ?? 0]?.list.push({ char, label, names, words });
  }
  const filled = groups.filter(({ list }) => list.length > 0);
  return { groups: filled, all: filled.flatMap(({ list }) => list) };
}

/** Returns the emoji that a search finds, the best first: by name, by the begin of a word, by a part of one. */
export function searchEmoji(all: Emoji[], query: string, limit: number): Emoji[] {
  const wanted = folded(query.trim().replace(/^:|:$/g, ""));
  if (wanted === "") return [];
  const parts = wanted.split(/\s+/);
  const found: [number, Emoji][] = [];
  for (const each of all) {
    const rank = rankOf(each, wanted, parts);
    if (rank !== null) found.push([rank, each]);
  }
  return found
    .sort(([a], [b]) => a - b)
    .slice(0, limit)
    .map(([, each]) => each);
}

function rankOf({ names, words }: Emoji, wanted: string, parts: string[]): number | null {
  if (names.includes(wanted)) return 0;
  if (words.includes(wanted)) return 1;
  if (names.some((name) => name.startsWith(wanted))) return 2;
  if (parts.every((part) => words.some((word) => word.startsWith(part)))) return 3;
  return parts.every((part) => words.some((word) => word.includes(part))) ? 4 : null;
}

/** Returns the emoji that were used last. */
export function recentEmoji(): string[] {
  return JSON.parse(localStorage.getItem(RECENT) ?? "[]") as string[];
}

/** Notes that an emoji was used. */
export function noteEmoji(char: string): void {
  const list = [char, ...recentEmoji().filter((each) => each !== char)].slice(0, RECENT_LENGTH);
  localStorage.setItem(RECENT, JSON.stringify(list));
}
