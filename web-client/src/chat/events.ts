/** System messages in the language of the reader. The server writes them in English. */

import type { Message } from "../core/api";
import { locale, t } from "../core/i18n.svelte";
import { session } from "../core/session.svelte";
import { en, type Key } from "../texts/en";
import type { Parameter, Parameters } from "./markdown";

const SECONDS: Record<string, number> = { minute: 60, hour: 3600, day: 86_400, week: 604_800 };

/** Returns the text of a system message, with placeholders for its parameters. Unknown ones stay as they are. */
export function eventText(message: Message, parameters: Parameters): string {
  const key = `event.${nameOf(message, parameters)}`;
  if (!(key in en)) return message.message;
  const user = parameters["user"];
  const isAboutMe = user !== undefined && session.isMe(user);
  const placeholders = Object.fromEntries(Object.keys(parameters).map((each) => [each, `{${each}}`]));
  return t(key as Key, {
    ...placeholders,
    ...subjectOf(message.message, parameters),
    ...detailsOf(message.message, parameters),
    whom: isAboutMe ? t("event.whom.you") : "{user}",
    towhom: isAboutMe ? t("event.whom.dative.you") : "{user}", // where a language has another form for it
  });
}

/** Returns the name of a parameter of a system message. The server marks guests in English. */
export function nameIn({ type, name }: Parameter): string {
  const [, plain] = (type === "guest" || type === "email" ? /^(.*) \(guest\)$/s.exec(name) : null) ?? [];
  return plain === undefined ? name : t("guest.named", { name: plain });
}

/** Returns the name of the text, which depends on more than the kind of the message. */
function nameOf({ systemMessage, message }: Message, { actor, user }: Parameters): string {
  if (systemMessage === "user_added" || systemMessage === "user_removed") {
    const isSelf = actor?.type === user?.type && actor?.id === user?.id;
    if (isSelf) return systemMessage === "user_added" ? "user_joined" : "user_left";
  }
  if (systemMessage === "call_started") {
    if (message.startsWith("Outgoing ")) return "call_outgoing";
    if (message.startsWith("Incoming ")) return "call_incoming";
    return message.endsWith("silent call") ? "call_started_silent" : "call_started";
  }
  return systemMessage === "call_ended_everyone" && message.startsWith("Call") ? "call_limit" : systemMessage;
}

/**
 * Returns who did something: with the verb “have”, and with “be” where a language needs it. The server says “You” only
 * in some of its texts, and never to guests.
 */
function subjectOf(text: string, { actor }: Parameters): { did: string; was: string } {
  if (text.startsWith("You ") || (actor && session.isMe(actor)))
    return { did: t("event.did.you"), was: t("event.was.you") };
  let subject = "{actor}";
  if (text.startsWith("System ")) subject = t("event.system");
  else if (text.startsWith("An administrator ")) subject = t("event.administrator");
  return { did: t("event.did", { subject }), was: t("event.was", { subject }) };
}

/** Returns the parts of a text that are not parameters. */
function detailsOf(text: string, parameters: Parameters): Record<string, string> {
  const details: Record<string, string> = {};
  const [, before = "", after = ""] = / from "(.*)" to "(.*)"$/s.exec(text) ?? [];
  Object.assign(details, { before, after });
  const [, count = "0", unit = ""] = / to (\d+) (\w+?)s?$/.exec(text) ?? [];
  details["span"] = locale.span(Number(count) * (SECONDS[unit] ?? 0));
  details["duration"] = /\(Duration ([\d:]+)\)$/.exec(text)?.[1] ?? "";
  const names = Object.keys(parameters).filter((key) => /^user\d+$/.test(key));
  const people = names.map((key) => `{${key}}`);
  const guests = Number(/\b(\d+) guests?\b/.exec(text)?.[1] ?? 0);
  const others = Number(/\b(\d+) others?\b/.exec(text)?.[1] ?? 0);
  if (guests > 0) people.push(t("event.guests", { count: guests }));
  if (others > 0) people.push(t("event.others", { count: others }));
  details["with"] = people.length > 0 ? t("event.with", { names: locale.list(people) }) : "";
  return details;
}
