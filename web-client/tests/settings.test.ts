import { describe, expect, it } from "vitest";
import { entryOf, serversIn, valueOf, type Layout, type Part } from "../src/admin/servers";
import { grouped, groupsIn, textOf, valueOfGroups, type Setting } from "../src/admin/settings";

const setting = (key: string, form = "yes or no", value: string | null = null): Setting => ({
  app: "spreed",
  key,
  form,
  choices: [],
  default: "no",
  value,
  layout: null,
});

describe("settings", () => {
  it("shows each setting once, and unknown ones last", () => {
    const keys = ["new_setting", "sip_dialout", "start_calls", "changelog"];
    const groups = grouped(keys.map((key) => setting(key)));
    expect(groups.map(([name, list]) => [name, list.map((each) => each.key)])).toEqual([
      ["conversations", ["changelog"]],
      ["calls", ["start_calls"]],
      ["phone", ["sip_dialout"]],
      ["other", ["new_setting"]],
    ]);
    expect(textOf("new_setting")).toBeNull();
  });

  it("names groups as JSON, and none as the default", () => {
    expect(groupsIn('["staff","friends"]')).toEqual(["staff", "friends"]);
    expect(groupsIn("")).toEqual([]);
    expect(valueOfGroups(["staff", "a, b"])).toBe('["staff","a, b"]');
    expect(valueOfGroups([])).toBe("");
  });
});

const part = (name: string, kind: string, value = ""): Part => ({
  name,
  kind,
  choices: [],
  default: value,
  example: "",
});
const TEXTS: Layout = { field: "", parts: [part("", "text")], common: [] };
const TURN: Layout = { field: "", parts: [part("server", "text"), part("schemes", "some", "turn")], common: [] };
const SHARED: Layout = {
  field: "servers",
  parts: [part("server", "text"), part("verify", "yes or no", "yes")],
  common: [part("secret", "secret")],
};

describe("lists of servers", () => {
  it.each([
    ["texts", TEXTS, '["stun.example.org:3478"]'],
    ["objects", TURN, '[{"server":"turn.example.org:3478","schemes":"turns"}]'],
    ["an object", SHARED, '{"servers":[{"server":"https://a.test","verify":false}],"secret":"[hidden]"}'],
  ])("come back as they were read from a list of %s", (_name, layout, value) => {
    const servers = serversIn(layout, value);
    expect(servers && valueOf(layout, servers)).toBe(value);
  });

  it("are none if the setting is not set, and parts that are missing have their default", () => {
    expect(serversIn(SHARED, "")).toEqual({ entries: [], common: { secret: "" } });
    expect(serversIn(TURN, '[{"server":"a"}]')?.entries).toEqual([{ server: "a", schemes: "turn" }]);
    expect(entryOf(SHARED.parts)).toEqual({ server: "", verify: true });
  });

  it("are not read from something else", () => {
    expect(serversIn(TEXTS, "somewhere")).toBeNull();
    expect(serversIn(TEXTS, '{"a":1}')).toBeNull();
  });
});
