/** The settings of Talk, grouped as they are shown. The server says which there are and what form they have. */

import { ocs } from "../core/api";
import type { components } from "../core/api-types";
import { adminEn } from "../texts/admin-en";
import type { Key } from "../texts/en";

export type Setting = components["schemas"]["SettingView"];

const GROUPS = {
  conversations: [
    "start_conversations",
    "allowed_groups",
    "default_permissions",
    "default_group_notification",
    "delete_one_to_one_conversations",
    "force_passwords",
    "breakout_rooms",
    "changelog",
  ],
  calls: ["start_calls", "everyone_may_ring", "max_call_duration", "call_recording", "recording_consent"],
  servers: [
    "stun_servers",
    "turn_servers",
    "signaling_mode",
    "signaling_servers",
    "hide_signaling_warning",
    "recording_servers",
  ],
  people: [
    "shareapi_allow_share_dialog_user_enumeration",
    "shareapi_restrict_user_enumeration_to_group",
    "shareapi_restrict_user_enumeration_to_phone",
    "shareapi_restrict_user_enumeration_full_match",
    "shareapi_only_share_with_group_members",
  ],
  phone: ["sip_bridge_dialin_info", "sip_bridge_shared_secret", "sip_dialout", "sip_bridge_groups"],
} as const;
type GroupName = keyof typeof GROUPS | "other";

/** Returns the settings by group. Those that no group names come last. */
export function grouped(settings: readonly Setting[]): [GroupName, Setting[]][] {
  const left = new Map(settings.map((each) => [each.key, each]));
  const groups = Object.entries(GROUPS).map(([name, keys]): [GroupName, Setting[]] => {
    const found = keys.flatMap((key) => left.get(key) ?? []);
    for (const each of found) left.delete(each.key);
    return [name as GroupName, found];
  });
  const all: [GroupName, Setting[]][] = [...groups, ["other", [...left.values()]]];
  return all.filter(([, list]) => list.length > 0);
}

/** Returns the text of a setting or one of its values, or null if this client has none. */
export function textOf(key: string, value = ""): Key | null {
  const name = `admin.setting.${key}${value === "" ? "" : `.${value}`}`;
  return name in adminEn ? (name as Key) : null;
}

/** Returns the ids of the groups in the value of a setting. */
export function groupsIn(value: string): string[] {
  return value === "" ? [] : (JSON.parse(value) as string[]);
}

/** Returns the value of a setting that names these groups. */
export function valueOfGroups(ids: readonly string[]): string {
  return ids.length === 0 ? "" : JSON.stringify(ids);
}

export function listSettings(): Promise<Setting[]> {
  return ocs.get("apps/talkd/api/v1/settings", {});
}

/** Sets a setting. An empty value resets it to its default. */
export async function setSetting({ app, key }: Setting, value: string): Promise<void> {
  const path = { app, key };
  if (value === "") await ocs.delete("apps/provisioning_api/api/v1/config/apps/{app}/{key}", { path });
  else await ocs.post("apps/provisioning_api/api/v1/config/apps/{app}/{key}", { path, body: { value } });
}
