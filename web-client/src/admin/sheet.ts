/** CSV files of accounts. */

import { quotaText, type Account, type Entry } from "./accounts";

export const COLUMNS = ["id", "name", "email", "password", "language", "groups", "quota"] as const;
type Column = (typeof COLUMNS)[number];
/** A row of a file: an account to add, or the columns that are wrong in it. */
export interface Row {
  line: number;
  entry: Entry;
  missing: Column[];
}

/**
 * Returns a file with the accounts. It has no passwords, which the server does not know, and no quotas that are the
 * usual one.
 */
export function sheetOf(accounts: readonly Account[], usualQuota: number): string {
  const rows = accounts.map(({ id, displayname, email, language, groups, quota: { quota } }) => {
    const own = quota === usualQuota ? "" : quotaText(quota) || "none";
    return [id, displayname, email ?? "", "", language, groups.join(","), own].map(cell).join(",");
  });
  return [COLUMNS.join(","), ...rows, ""].join("\r\n");
}

/** Quotes a cell. A sign at its beginning that would make it a formula in a spreadsheet gets an apostrophe before it. */
function cell(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",;\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/** Reads the accounts in a file whose first row names its columns, or returns null if `id` is not one of them. */
export function readSheet(text: string): Row[] | null {
  const rows = cellsOf(text.replace(/^\uFEFF/, ""));
  const names = rows[0]?.cells.map((each) => each.trim().toLowerCase()) ?? [];
  if (!names.includes("id")) return null;
  return rows.slice(1).map(({ line, cells }) => {
    const get = (column: Column): string => (cells[names.indexOf(column)] ?? "").trim().replace(/^'(?=[=+\-@])/, "");
    const groups = get("groups")
      .split(",")
      .map((each) => each.trim())
      .filter(Boolean);
    const entry = {
      id: get("id"),
      name: get("name"),
      email: get("email"),
      password: cells[names.indexOf("password")] ?? "", // spaces belong to it
      language: get("language"),
      groups,
      quota: get("quota"),
    };
    return { line, entry, missing: (["id", "password"] as const).filter((each) => entry[each] === "") };
  });
}

/** Splits a file into cells. Rows without text are left out; cells in quotes may contain line breaks. */
function cellsOf(text: string): { line: number; cells: string[] }[] {
  const head = text.slice(0, text.search(/[\r\n]|$/));
  const separator = head.includes(";") ? ";" : head.includes("\t") ? "\t" : ",";
  const rows: { line: number; cells: string[] }[] = [];
  let [line, begin, cells, current, isQuoted] = [1, 1, [] as string[], "", false];
  const endRow = (): void => {
    cells.push(current);
    if (cells.some((each) => each.trim() !== "")) rows.push({ line: begin, cells });
    [cells, current, begin] = [[], "", line];
  };
  const plain = text.replace(/\r\n?/g, "\n");
  for (let at = 0; at < plain.length; at++) {
    const sign = plain.charAt(at);
    if (sign === "\n") line++;
    if (isQuoted) {
      if (sign !== '"') current += sign;
      else if (plain.charAt(at + 1) === '"') current += plain.charAt(at++);
      else isQuoted = false;
    } else if (sign === '"' && current.trim() === "") [isQuoted, current] = [true, ""];
    else if (sign === separator) [cells, current] = [[...cells, current], ""];
    else if (sign === "\n") endRow();
    else current += sign;
  }
  endRow();
  return rows;
}

/** Lets the browser save a text as a file. */
export function offerFile(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob(["\uFEFF", text], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
