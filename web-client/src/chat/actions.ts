/** What people do with messages. */

import { talk, type Message } from "../core/api";
import { isModerator, Permission } from "../core/constants";
import { toasts } from "../ui/toasts.svelte";
import type { Chat } from "./chat.svelte";
import { sharedIn, sourceText } from "./markdown";
import { outbox } from "./outbox.svelte";

export function isOwn(chat: Chat, message: Message): boolean {
  return message.actorType === chat.room?.actorType && message.actorId === chat.room.actorId;
}

export function canWrite(chat: Chat): boolean {
  return ((chat.room?.permissions ?? 0) & Permission.chat) !== 0 && chat.room?.readOnly === 0;
}

/** Returns whether the caller may edit and delete a message. */
export function canChange(chat: Chat, message: Message): boolean {
  const isThere = message.messageType === "comment" || message.messageType === "voice-message";
  return isThere && canWrite(chat) && (isOwn(chat, message) || isModerator(chat.room?.participantType ?? 0));
}

/** Deletes a message. */
export async function removeMessage(chat: Chat, message: Message): Promise<void> {
  try {
    const path = { token: chat.token, messageId: message.id };
    chat.applyAnswer(await talk.delete("v1/chat/{token}/{messageId}", { path }));
  } catch (error) {
    toasts.failed(error);
  }
}

/** Adds the caller's reaction, or removes it if it is there. It is shown before the server has it. */
export async function react(chat: Chat, message: Message, reaction: string): Promise<void> {
  const input = { path: { token: chat.token, messageId: message.id }, body: { reaction } };
  const hasReacted = message.reactionsSelf?.includes(reaction) ?? false;
  const others = (message.reactionsSelf ?? []).filter((each) => each !== reaction);
  const counts = { ...message.reactions, [reaction]: (message.reactions[reaction] ?? 0) + (hasReacted ? -1 : 1) };
  const reactions = Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  chat.update({ ...message, reactions, reactionsSelf: hasReacted ? others : [...others, reaction] });
  try {
    await (hasReacted
      ? talk.delete("v1/reaction/{token}/{messageId}", input)
      : talk.post("v1/reaction/{token}/{messageId}", input));
  } catch (error) {
    chat.update(message);
    toasts.failed(error);
  }
}

/** Sends the text of a message, or the thing in it, to another room. Names in it mention nobody there. */
export async function forward(message: Message, token: string): Promise<void> {
  const thing = sharedIn(message);
  if (thing) {
    const { type: objectType, id: objectId } = thing;
    await talk.post("v1/chat/{token}/share", {
      path: { token },
      body: { objectType, objectId, metaData: JSON.stringify(thing) },
    });
  } else {
    const text = sourceText(message);
    outbox.add({ token, text, shown: text, replyTo: 0, isSilent: false });
  }
}
