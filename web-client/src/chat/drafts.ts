/**
 * What was typed in a room and not sent. The pages of a user share one draft for each room: the text that was typed last.
 * A page that is reloaded has its own text again, even if another page has typed since.
 */

import { session } from "../core/session.svelte";
import type { Mention } from "./mentions";

export interface Draft {
  text: string;
  mentions: Mention[];
}

export function draftOf(token: string): Draft {
  const key = keyOf(token);
  const kept = sessionStorage.getItem(key) ?? session.storage.getItem(key);
  return kept === null ? { text: "", mentions: [] } : (JSON.parse(kept) as Draft);
}

/** Keeps a draft. An empty one removes what this page has kept. */
export function keepDraft(token: string, draft: Draft): void {
  const key = keyOf(token);
  if (draft.text === "") {
    const before = sessionStorage.getItem(key);
    if (session.storage.getItem(key) === before) session.storage.removeItem(key);
    sessionStorage.removeItem(key);
  } else {
    for (const storage of [sessionStorage, session.storage]) storage.setItem(key, JSON.stringify(draft));
  }
}

/** Leaves the draft to all pages, because this one shows another room. */
export function shareDraft(token: string): void {
  if (session.storage !== sessionStorage) sessionStorage.removeItem(keyOf(token));
}

function keyOf(token: string): string {
  return session.keyOf(`draft.${token}`);
}
