import { afterEach, describe, expect, it } from "vitest";
import { session } from "../src/core/session.svelte";

const logIn = (id: string): void => {
  session.me = { id } as NonNullable<typeof session.me>;
};

afterEach(() => {
  session.me = null;
  localStorage.clear();
  sessionStorage.clear();
});

describe("what the browser keeps", () => {
  it("ends with the window of a guest", () => {
    session.storage.setItem(session.keyOf("draft.abc"), "Hello");
    expect(localStorage.length).toBe(0);
  });

  it("loses the drafts of those who log out, and of nobody else", () => {
    for (const id of ["x.ann", "ann"]) {
      logIn(id);
      for (const thing of ["draft.abc", "pending.f00", "notified"]) session.storage.setItem(session.keyOf(thing), id);
    }
    session.forgetDrafts();
    expect(Object.keys(localStorage).sort()).toEqual([
      "talkd.draft.abc.x.ann",
      "talkd.notified.ann",
      "talkd.notified.x.ann",
      "talkd.pending.f00.ann",
      "talkd.pending.f00.x.ann",
    ]);
  });
});
