import { describe, expect, it } from "vitest";
import { readSheet, sheetOf } from "../src/admin/sheet";

const account = {
  id: "eve",
  displayname: "Eve",
  email: null,
  groups: ["a", "b"],
  language: "en",
  enabled: true,
  quota: { used: 0, quota: -3 },
};

describe("files of accounts", () => {
  it("reads the columns in any order, with quotes, line breaks and the line of each row", () => {
    const rows = readSheet('\uFEFFname;id;password\r\n"Eve ""E.""\nB";eve; pa ss \r\n\r\n;bob;\r\n');
    expect(rows?.map((row) => [row.line, row.entry.id, row.entry.name, row.entry.password, row.missing])).toEqual([
      [2, "eve", 'Eve "E."\nB', " pa ss ", []],
      [5, "bob", "", "", ["password"]],
    ]);
  });

  it("refuses a file whose columns have no names", () => expect(readSheet("eve,secret")).toBeNull());

  it("reads what it has written", () => {
    const names = ["Eve, E.", 'A "B"', "=1+1", "@home", "line\nbreak"];
    const written = sheetOf(
      names.map((displayname) => ({ ...account, displayname, lastLogin: 0 })),
      -3,
    );
    const rows = readSheet(written) ?? [];
    expect(rows.map((row) => row.entry.name)).toEqual(names);
    expect(rows.map((row) => row.entry.groups)).toEqual(names.map(() => ["a", "b"]));
  });

  it("keeps quotas that are not the usual one", () => {
    const quotas = [5 * 1024 ** 3, 20 * 1024 ** 3, 7, -3];
    const written = sheetOf(
      quotas.map((quota) => ({ ...account, quota: { used: 0, quota }, lastLogin: 0 })),
      5 * 1024 ** 3,
    );
    expect(readSheet(written)?.map((row) => row.entry.quota)).toEqual(["", "20 GB", "7 B", "none"]);
    expect(readSheet("id,password\neve,secret")?.[0]?.entry.quota).toBe("");
  });

  it("writes no cell that a spreadsheet takes for a formula", () => {
    const written = sheetOf([{ ...account, displayname: "=HYPERLINK(1)", lastLogin: 0 }], -3);
    expect(written).not.toMatch(/(^|[",])[=+@-]/m);
  });
});
