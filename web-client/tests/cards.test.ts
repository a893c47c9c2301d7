import { describe, expect, it } from "vitest";
import { cardOf, positionIn } from "../src/chat/cards/cards";

describe("cards of shared things", () => {
  it("reads coordinates, geo addresses and addresses of maps", () => {
    const gate = { latitude: 52.5163, longitude: 13.3777 };
    for (const text of [
      "52.5163, 13.3777",
      "geo:52.5163,13.3777;u=5",
      "https://www.openstreetmap.org/#map=17/52.5163/13.3777",
    ])
      expect(positionIn(text)).toEqual(gate);
    for (const text of ["", "north", "91, 0", "1, 200", "52.5163"]) expect(positionIn(text)).toBeNull();
  });

  it("leads only to addresses of the web", () => {
    const card = { type: "deck-card", id: "1", name: "Paint", boardname: "Hull", stackname: "To do" };
    expect(cardOf({ ...card, link: "https://talk.test/card/1" })).toMatchObject({
      detail: "Hull · To do",
      link: "https://talk.test/card/1",
    });
    expect(cardOf({ ...card, link: "javascript:alert(1)" }).link).toBeNull();
  });
});
