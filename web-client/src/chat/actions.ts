/** What people do with messages. */

import { ocs, talk, type Message } from "../core/api";
import { isModerator, Permission } from "../core/constants";
import { fileIn, NO_CAPTION } from "../files/file";
import { toasts } from "../ui/toasts.svelte";
import type { Chat } from "./chat.svelte";
import { parametersOf, sharedIn, sourceText } from "./markdown";
import { outbox } from "./outbox.svelte";
import { createReference } from "./reference";

/** The share type of rooms. */
const ROOM_SHARE = 10;

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

/** Returns whether the caller may change the text of a message. A file can get no caption later. */
export function canEdit(chat: Chat, message: Message): boolean {
  return canChange(chat, message) && message.message !== NO_CAPTION;
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

/** Sends the text of a message, or the thing or file in it, to another room. Names in it mention nobody there. */
export async function forward(message: Message, token: string): Promise<void> {
  const thing = sharedIn(message);
  if (fileIn(message)) {
    const isVoice = message.messageType === "voice-message";
    const details = {
      ...(message.message === NO_CAPTION ? {} : { caption: sourceText(message) }),
      ...(isVoice ? { messageType: "voice-message" } : {}),
    };
    await ocs.post("apps/files_sharing/api/v1/shares", {
      body: {
        path: parametersOf(message)["file"]?.["path"] ?? "",
        shareType: ROOM_SHARE,
        shareWith: token,
        referenceId: createReference(),
        talkMetaData: JSON.stringify(details),
      },
    });
  } else if (thing) {
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
