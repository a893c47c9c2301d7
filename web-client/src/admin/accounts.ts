/** Accounts and groups, over the provisioning API. Its answers have no types in the OpenAPI document. */

import { ocs } from "../core/api";
import type { Quota } from "../files/format";
import { confirmation } from "./confirmation.svelte";

export const PAGE = 50;
const UNITS = ["B", "KB", "MB", "GB", "TB"] as const;
const NO_LIMIT = -3;
export const ADMIN_GROUP = "admin";

export interface Account {
  id: string;
  displayname: string;
  email: string | null;
  groups: string[];
  language: string;
  enabled: boolean;
  /** Milliseconds, or 0 for never. */
  lastLogin: number;
  quota: Quota;
}

/** What administrators enter about an account. */
export interface Entry {
  id: string;
  name: string;
  email: string;
  password: string;
  language: string;
  groups: string[];
  /** As typed: a size with a unit, `none`, or nothing for the default. */
  quota: string;
}

export interface Group {
  id: string;
  displayname: string;
  usercount: number;
}

export const NO_ENTRY: Entry = { id: "", name: "", email: "", password: "", language: "", groups: [], quota: "" };

/** Returns what an account has now. */
export function entryOf(account: Account): Entry {
  const { id, displayname, email, language, groups } = account;
  const quota = quotaText(account.quota.quota);
  return { id, name: displayname, email: email ?? "", password: "", language, groups, quota };
}

/** Returns the quota of all accounts without one of their own: bytes, or below 0 for no limit. */
export async function usualQuota(): Promise<number> {
  const options = await ocs.get("apps/talkd/api/v1/options", {});
  return Number(options.find(({ name }) => name === "files.quota")?.value) || NO_LIMIT;
}

/** Returns a quota as it can be typed, in the largest unit that needs no fraction. */
export function quotaText(quota: number): string {
  if (quota < 0) return "";
  let [value, unit] = [quota, 0];
  while (value > 0 && value % 1024 === 0 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value} ${UNITS[unit] ?? ""}`;
}

type Accounts = { users: Record<string, Account> | [] };

/** Lists the next accounts whose id, name or address contains a text, sorted by name. Without a limit, all. */
export async function listAccounts(search: string, offset: number, limit: number | null = PAGE): Promise<Account[]> {
  const query = { search, offset, ...(limit === null ? {} : { limit }) };
  return Object.values(((await ocs.get("cloud/users/details", { query })) as Accounts).users);
}

/** As `listAccounts`, but those that logged in last come first. */
export async function listRecentAccounts(search: string, offset: number, limit: number): Promise<Account[]> {
  const { users } = (await ocs.get("cloud/users/recent", { query: { search, offset, limit } })) as Accounts;
  return Object.values(users).sort((one, other) => other.lastLogin - one.lastLogin); // objects put numbers first
}

export async function createAccount(entry: Entry): Promise<void> {
  const { id, name, email, password, language, groups } = entry;
  const body = { userid: id, displayName: name, email, password, language, groups };
  await confirmation.run((proof) => ocs.post("cloud/users", { body, ...proof }));
  if (entry.quota.trim() !== "") await setQuota(id, entry.quota);
}

/** Sends the fields that differ. Those before a field that is refused stay changed. */
export async function changeAccount(account: Account, entry: Entry): Promise<void> {
  const path = { user_id: account.id };
  const before = entryOf(account);
  const fields = { displayname: "name", email: "email", language: "language", password: "password" } as const;
  for (const [key, field] of Object.entries(fields)) {
    const value = entry[field];
    if (value === before[field]) continue;
    await confirmation.run((proof) => ocs.put("cloud/users/{user_id}", { path, body: { key, value }, ...proof }));
  }
  if (entry.quota.trim() !== before.quota) await setQuota(account.id, entry.quota);
  const added = entry.groups.filter((each) => !before.groups.includes(each));
  const removed = before.groups.filter((each) => !entry.groups.includes(each));
  for (const groupid of added) await addMember(groupid, account.id);
  for (const groupid of removed) await removeMember(groupid, account.id);
}

async function setQuota(id: string, quota: string): Promise<void> {
  const input = { path: { user_id: id }, body: { key: "quota", value: quota.trim() || "default" } };
  await confirmation.run((proof) => ocs.put("cloud/users/{user_id}", { ...input, ...proof }));
}

export async function setEnabled(id: string, isEnabled: boolean): Promise<void> {
  const path = { user_id: id };
  await confirmation.run((proof) =>
    isEnabled
      ? ocs.put("cloud/users/{user_id}/enable", { path, ...proof })
      : ocs.put("cloud/users/{user_id}/disable", { path, ...proof }),
  );
}

export async function deleteAccount(id: string): Promise<void> {
  await confirmation.run((proof) => ocs.delete("cloud/users/{user_id}", { path: { user_id: id }, ...proof }));
}

export async function listGroups(): Promise<Group[]> {
  return ((await ocs.get("cloud/groups/details", {})) as { groups: Group[] }).groups;
}

export async function listMembers(group: string): Promise<Account[]> {
  const answer = await ocs.get("cloud/groups/{group_id}/users/details", { path: { group_id: group } });
  return Object.values((answer as { users: Record<string, Account> | [] }).users);
}

export async function createGroup(id: string): Promise<void> {
  await ocs.post("cloud/groups", { body: { groupid: id, displayname: id } });
}

export async function renameGroup(id: string, name: string): Promise<void> {
  await ocs.put("cloud/groups/{group_id}", { path: { group_id: id }, body: { key: "displayname", value: name } });
}

export async function deleteGroup(id: string): Promise<void> {
  await confirmation.run((proof) => ocs.delete("cloud/groups/{group_id}", { path: { group_id: id }, ...proof }));
}

export async function addMember(groupid: string, id: string): Promise<void> {
  const input = { path: { user_id: id }, body: { groupid } };
  await confirmation.run((proof) => ocs.post("cloud/users/{user_id}/groups", { ...input, ...proof }));
}

export async function removeMember(groupid: string, id: string): Promise<void> {
  const input = { path: { user_id: id }, query: { groupid } };
  await confirmation.run((proof) => ocs.delete("cloud/users/{user_id}/groups", { ...input, ...proof }));
}
