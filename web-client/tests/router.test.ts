import { describe, expect, it } from "vitest";
import { addressOf, placeOf } from "../src/core/router.svelte";

describe("addresses", () => {
  it("shows a room and one of its messages", () => {
    expect(placeOf("/call/abcd2345", "#message_17")).toEqual({ view: "room", token: "abcd2345", message: 17 });
    expect(placeOf("/index.php/call/abcd2345")).toEqual({ view: "room", token: "abcd2345", message: null });
  });

  it("leads home from what no view has", () => expect(placeOf("/call/")).toEqual({ view: "home" }));

  it("finds the view of each address that it makes", () => {
    for (const place of [
      { view: "home" } as const,
      { view: "room", token: "abcd2345", message: 3 } as const,
      { view: "admin", section: "accounts" } as const,
    ]) {
      const [path = "", hash = ""] = addressOf(place).split(/(?=#)/);
      expect(placeOf(path, hash)).toEqual(place);
    }
  });
});
