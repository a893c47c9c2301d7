/** Finds accounts, groups and e-mail addresses as one types. */

import { ocs } from "../core/api";

export type Source = "users" | "groups" | "emails";
export interface Found {
  id: string;
  label: string;
  source: Source;
}

const SHARE_TYPES: Record<Source, number> = { users: 0, groups: 1, emails: 4 };
const PAUSE = 150;

/**
 * Searches after a pause, and passes what was found, or why the search failed. `room` is a token, or `new`.
 * Returns a function that ends the search.
 */
export function findPeople(
  search: string,
  room: string,
  sources: Source[],
  onfound: (found: Found[], error?: unknown) => void,
): () => void {
  const stop = new AbortController();
  const timer = setTimeout(() => {
    const shareTypes = sources.map((each) => SHARE_TYPES[each]);
    const query = { search, itemType: "call", itemId: room, shareTypes, limit: 30 };
    ocs.get("core/autocomplete/get", { query, signal: stop.signal }).then(
      (list) => onfound(list as Found[]),
      (error: unknown) => {
        if (!stop.signal.aborted) onfound([], error);
      },
    );
  }, PAUSE);
  return () => {
    clearTimeout(timer);
    stop.abort();
  };
}
