/** Lists of e-mail addresses (CSV): what the server says about one, and sending the invitations. */

import { Refused, talk } from "../core/api";

/** How many people a list invites, how many lines repeat one, and which lines are invalid. */
export interface ImportReport {
  invites: number;
  duplicates: number;
  invalidLines: number[];
}

/** Returns the report in an answer, which may also be the refusal of single lines. Null if it is none. */
export function reportOf(data: unknown): ImportReport | null {
  if (typeof data !== "object" || data === null || !("invites" in data)) return null;
  return { duplicates: 0, invalidLines: [], ...(data as Pick<ImportReport, "invites">) };
}

/** Invites everybody on the list, or with `isTest` nobody. Throws `Refused` if the file is no such list. */
export async function importPeople(token: string, file: File, isTest: boolean): Promise<ImportReport> {
  const body = new FormData();
  body.append("file", file);
  body.append("testRun", String(isTest));
  try {
    const data = await talk.post("v4/room/{token}/import-emails", { path: { token }, body });
    return reportOf(data) ?? { invites: 0, duplicates: 0, invalidLines: [] };
  } catch (error) {
    const report = error instanceof Refused ? reportOf(error.data) : null;
    if (report) return report;
    throw error;
  }
}
