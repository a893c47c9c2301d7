import { afterEach, describe, expect, it } from "vitest";
import { draftOf, keepDraft, shareDraft } from "../src/chat/drafts";
import { session } from "../src/core/session.svelte";

const other = JSON.stringify({ text: "typed elsewhere", mentions: [] });
const key = "talkd.draft.abc.ann";
const logIn = (): void => {
  session.me = { id: "ann" } as NonNullable<typeof session.me>;
};
const type = (text: string): void => keepDraft("abc", { text, mentions: [] });

afterEach(() => {
  session.me = null;
  localStorage.clear();
  sessionStorage.clear();
});

describe("drafts", () => {
  it("are there again after a reload, whatever another page has typed", () => {
    logIn();
    type("typed here");
    localStorage.setItem(key, other);
    expect(draftOf("abc").text).toBe("typed here");
    shareDraft("abc");
    expect(draftOf("abc").text).toBe("typed elsewhere");
  });

  it("of another page stay when this one has sent its own", () => {
    logIn();
    type("typed here");
    localStorage.setItem(key, other);
    type("");
    expect(localStorage.getItem(key)).toBe(other);
    type("and again");
    type("");
    expect(localStorage.getItem(key)).toBe(null);
  });

  it("of guests stay in their window when they open another room", () => {
    type("typed here");
    shareDraft("abc");
    expect(draftOf("abc").text).toBe("typed here");
    type("");
    expect(sessionStorage.length).toBe(0);
  });
});
