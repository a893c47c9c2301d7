/** Mentions as people type them (`@Bob Smith`), and as the API wants them (`@"bob"`). */

import type { Message } from "../core/api";
import { parametersOf, split } from "./markdown";

export interface Mention {
  name: string;
  /** The `mentionId` of the API. */
  id: string;
}

/** Returns a text for the API. The mentions are those that were chosen from suggestions while it was written. */
export function encodeMentions(text: string, mentions: Mention[]): string {
  const byName = new Map(mentions.map(({ name, id }) => [name, id]));
  const names = [...byName.keys()].filter((name) => name !== "").sort((a, b) => b.length - a.length);
  if (names.length === 0) return text;
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])@(${names.map(escaped).join("|")})(?![\\p{L}\\p{N}_])`, "gu");
  return text.replace(pattern, (_all, name: string) => `@"${byName.get(name)}"`);
}

/** Returns the text of a message as it was typed, and the mentions in it, so that it can be edited. */
export function decodeMentions(message: Message): { text: string; mentions: Mention[] } {
  const mentions: Mention[] = [];
  const parts = split(message.message, parametersOf(message)).map((part) => {
    if (typeof part === "string") return part;
    const id = part["mention-id"];
    if (id === undefined) return part.name;
    if (mentions.some((each) => each.name === part.name && each.id !== id)) return `@"${id}"`;
    mentions.push({ name: part.name, id });
    return `@${part.name}`;
  });
  return { text: parts.join(""), mentions };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
