/** Settings that are lists of servers, with the parts that the server says they have. */

import { Refused } from "../core/api";
import type { components } from "../core/api-types";
import { t } from "../core/i18n.svelte";
import { adminEn } from "../texts/admin-en";
import type { Key } from "../texts/en";

export type Layout = components["schemas"]["Layout"];
export type Part = components["schemas"]["Part"];
/** The values of an entry by the names of its parts. An entry that is only a text has it under the empty name. */
export type Entry = Record<string, string | boolean>;
export interface Servers {
  entries: Entry[];
  /** What all of them share. */
  common: Entry;
}
/** Why an entry was refused. `entry` is its position, or null for a part that all share. */
export interface Refusal {
  entry: number | null;
  part: string;
  reason: string;
}

/** Stands for a secret that is not shown. Sent back, it keeps the secret. */
export const HIDDEN = "[hidden]";

/** Returns the servers in the value of a setting, or null if they cannot be read. */
export function serversIn(layout: Layout, value: string): Servers | null {
  try {
    const found: unknown = JSON.parse(value === "" ? "[]" : value);
    const all = layout.field === "" ? {} : (found as Record<string, unknown>);
    const list = (layout.field === "" ? found : (all[layout.field] ?? [])) as unknown[];
    return {
      entries: list.map((each) => entryOf(layout.parts, typeof each === "string" ? { "": each } : (each as Entry))),
      common: entryOf(layout.common, all as Entry),
    };
  } catch {
    return null;
  }
}

/** Returns an entry with all its parts. Those that are missing have their default. */
export function entryOf(parts: readonly Part[], known: Entry = {}): Entry {
  return Object.fromEntries(
    parts.map(({ name, kind, default: value }) => [
      name,
      known[name] ?? (kind === "yes or no" ? value === "yes" : value),
    ]),
  );
}

/** Returns the value of a setting with these servers. */
export function valueOf(layout: Layout, { entries, common }: Servers): string {
  const list = layout.parts.some(({ name }) => name === "") ? entries.map((each) => each[""]) : entries;
  return JSON.stringify(layout.field === "" ? list : { [layout.field]: list, ...common });
}

/** Returns what an entry is called: its address. */
export function nameOf(layout: Layout, entry: Entry): string {
  return String(entry[layout.parts.find(({ kind }) => kind === "text")?.name ?? ""]);
}

/** Returns what people read of an entry beside its address. */
export function aboutOf(parts: readonly Part[], entry: Entry): string[] {
  return parts.flatMap((part) => {
    const value = entry[part.name];
    if (part.kind === "secret") return value === "" ? t("admin.server.secret.none") : t("admin.server.secret");
    if (part.kind === "yes or no") return value === true ? [] : labelOf(part, "no");
    return part.kind === "some" ? String(value).replaceAll(",", ", ") : [];
  });
}

/** Returns the name of a part, or of one of its choices. */
export function labelOf({ name }: Part, choice = ""): string {
  const key = `admin.part.${name || "server"}${choice === "" ? "" : `.${choice}`}`;
  return key in adminEn ? t(key as Key) : choice || name;
}

/** Returns which part the server has refused, or null if it refused for another reason. */
export function refusalOf(error: unknown): Refusal | null {
  const found = error instanceof Refused ? (error.data as { data?: Partial<Refusal> } | undefined)?.data : undefined;
  return found?.part === undefined ? null : (found as Refusal);
}
