import { afterEach, describe, expect, it } from "vitest";
import { plainText } from "../src/chat/markdown";
import type { Message } from "../src/core/api";
import { locale } from "../src/core/i18n.svelte";
import { session } from "../src/core/session.svelte";

const USERS = {
  actor: { type: "user", id: "ann", name: "Ann" },
  user: { type: "user", id: "ben", name: "Ben" },
  user1: { type: "user", id: "cleo", name: "Cleo" },
  user2: { type: "user", id: "ben", name: "Ben" },
};

function shown(systemMessage: string, message: string, parameters: (keyof typeof USERS)[] = ["actor"]): string {
  const messageParameters = Object.fromEntries(parameters.map((key) => [key, USERS[key]]));
  return plainText({ systemMessage, message, messageParameters } as unknown as Message);
}

describe("system messages in German", () => {
  afterEach(async () => {
    session.me = null;
    await locale.use("en");
  });

  it("name who did what, and call the reader du", async () => {
    await locale.use("de");
    session.me = { id: "ben", name: "Ben", email: "", isAdmin: false };
    expect(shown("conversation_created", "{actor} created the conversation")).toBe("Ann hat die Unterhaltung erstellt");
    expect(shown("call_joined", "You joined the call")).toBe("Du bist dem Anruf beigetreten");
    expect(shown("user_added", "{actor} added you", ["actor", "user"])).toBe("Ann hat dich hinzugefügt");
    expect(shown("moderator_promoted", "{actor} promoted you to moderator", ["actor", "user"])).toBe(
      "Ann hat dir die Moderation gegeben",
    );
    expect(shown("conversation_created", "System created the conversation", [])).toBe(
      "Das System hat die Unterhaltung erstellt",
    );
  });

  it("say names, spans and durations", async () => {
    await locale.use("de");
    expect(shown("conversation_renamed", '{actor} renamed the conversation from "A" to "B to C"')).toBe(
      "Ann hat die Unterhaltung von „A“ in „B to C“ umbenannt",
    );
    expect(shown("message_expiration_enabled", "{actor} set the message expiration to 4 weeks")).toBe(
      "Ann hat festgelegt, dass Nachrichten verfallen: 4 Wochen",
    );
    const text = "Call with {user1}, {user2} and 2 guests ended (Duration 1:02)";
    expect(shown("call_ended", text, ["user1", "user2"])).toBe("Anruf mit Cleo, Ben und 2 Gästen beendet (Dauer 1:02)");
  });

  it("call the reader du where the server does not", async () => {
    await locale.use("de");
    session.me = { id: "ann", name: "Ann", email: "", isAdmin: false };
    const text = "{actor} ended the call with {user1} (Duration 1:39)";
    expect(shown("call_ended_everyone", text, ["actor", "user1"])).toBe(
      "Du hast den Anruf mit Cleo beendet (Dauer 1:39)",
    );
  });

  it("call a guest du, whom the server calls by name", async () => {
    await locale.use("de");
    session.guestId = "guest/1";
    const guests = {
      actor: { type: "guest", id: "guest/1", name: "Gil (guest)" },
      user: { type: "guest", id: "guest/2", name: "Gil (guest)" },
    };
    const shownTo = (messageParameters: object, systemMessage: string, message: string): string =>
      plainText({ systemMessage, message, messageParameters } as unknown as Message);
    expect(shownTo({ actor: guests.actor }, "call_joined", "{actor} joined the call")).toBe(
      "Du bist dem Anruf beigetreten",
    );
    expect(shownTo({ actor: guests.user }, "call_joined", "{actor} joined the call")).toBe(
      "Gil (Gast) ist dem Anruf beigetreten",
    );
    const promoted = "{actor} promoted {user} to moderator";
    expect(shownTo({ actor: USERS.actor, user: guests.actor }, "guest_moderator_promoted", promoted)).toBe(
      "Ann hat dir die Moderation gegeben",
    );
    session.guestId = "";
  });

  it("leave what is not known as the server says it", async () => {
    await locale.use("de");
    expect(shown("something_new", "{actor} did something new")).toBe("Ann did something new");
  });

  it("are the same in English as the server says them", () => {
    expect(shown("user_added", "{actor} added {user}", ["actor", "user"])).toBe("Ann added Ben");
    expect(shown("call_ended", "Call with {user1} and {user2} ended (Duration 0:10)", ["user1", "user2"])).toBe(
      "Call with Cleo and Ben ended (Duration 0:10)",
    );
  });
});
