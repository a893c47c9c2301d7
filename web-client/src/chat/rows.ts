/** The rows of a list of messages: days, the line of what is unread, messages, and folded system messages. */

import type { Message } from "../core/api";
import { fileIn, kindOf, NO_CAPTION } from "../files/file";
import type { Upload } from "../files/uploads.svelte";
import type { Pending } from "./outbox.svelte";

/** `pictures`: the messages of several pictures that are shown side by side. The last one is `message`. */
export type Row =
  | { kind: "day"; key: string; timestamp: number }
  | { kind: "unread"; key: string }
  | { kind: "message"; key: string; message: Message; isFirst: boolean; pictures: Message[] }
  | { kind: "events"; key: string; messages: Message[] }
  | { kind: "pending"; key: string; pending: Pending }
  | { kind: "upload"; key: string; upload: Upload };

/** System messages that only tell of a change to something that is shown. */
export const HIDDEN = new Set([
  "reaction",
  "reaction_deleted",
  "reaction_revoked",
  "message_deleted",
  "message_edited",
  "poll_voted",
  "thread_created",
]);
const TOGETHER = 5 * 60; // seconds in which messages of one person are shown as a group
const SIDE_BY_SIDE = 2 * 60; // seconds between pictures that are shown side by side
const FOLD_FROM = 3;

/** Returns the rows of messages in order. `readBefore` is the newest message that was read before, or 0. */
export function rowsOf(messages: Message[], pending: Pending[], uploads: Upload[], readBefore: number): Row[] {
  const rows: Row[] = [];
  let day = "";
  let previous: Message | null = null;
  let isUnreadShown = readBefore === 0;
  let events: Message[] = [];

  const flush = (): void => {
    const [first] = events;
    if (!first) return;
    if (events.length >= FOLD_FROM) rows.push({ kind: "events", key: `e${first.id}`, messages: events });
    else for (const message of events) rows.push(single(message, true));
    events = [];
  };

  for (const message of messages) {
    if (HIDDEN.has(message.systemMessage)) continue;
    const date = new Date(message.timestamp * 1000).toDateString();
    if (date !== day) {
      flush();
      rows.push({ kind: "day", key: `d${date}${message.id}`, timestamp: message.timestamp });
      [day, previous] = [date, null];
    }
    if (!isUnreadShown && message.id > readBefore) {
      flush();
      if (rows.some((row) => row.kind === "message" || row.kind === "events"))
        rows.push({ kind: "unread", key: "unread" });
      [isUnreadShown, previous] = [true, null];
    }
    if (message.systemMessage !== "") {
      events.push(message);
      previous = null;
      continue;
    }
    flush();
    const isFirst =
      previous?.actorId !== message.actorId ||
      previous.actorType !== message.actorType ||
      message.timestamp - previous.timestamp > TOGETHER ||
      message.parent !== undefined;
    const last = rows.at(-1);
    if (!isFirst && previous && last?.kind === "message" && isBeside(previous, message))
      rows[rows.length - 1] = {
        ...last,
        message,
        pictures: last.pictures.length === 0 ? [previous, message] : [...last.pictures, message],
      };
    else rows.push(single(message, isFirst));
    previous = message;
  }
  flush();
  const arrived = new Set(messages.slice(-200).map((message) => message.referenceId));
  for (const upload of uploads) {
    if (!arrived.has(upload.referenceId)) rows.push({ kind: "upload", key: upload.referenceId, upload });
  }
  for (const each of pending) {
    if (!arrived.has(each.referenceId)) rows.push({ kind: "pending", key: each.referenceId, pending: each });
  }
  return rows;
}

function single(message: Message, isFirst: boolean): Row {
  return { kind: "message", key: `m${message.id}`, message, isFirst, pictures: [] };
}

/** Whether a picture is shown beside the one before it, of the same person. A caption belongs to all before it. */
function isBeside(previous: Message, message: Message): boolean {
  return (
    message.timestamp - previous.timestamp <= SIDE_BY_SIDE &&
    previous.message === NO_CAPTION &&
    isPicture(previous) &&
    isPicture(message)
  );
}

function isPicture(message: Message): boolean {
  const file = fileIn(message);
  return file !== undefined && kindOf(file, message) === "picture";
}

/** Returns the messages that a row shows. */
export function messagesIn(row: Row): Message[] {
  if (row.kind === "events") return row.messages;
  if (row.kind !== "message") return [];
  return row.pictures.length > 0 ? row.pictures : [row.message];
}
