/** Why the server refused an operation of an administrator, in a sentence. */

import { Refused } from "../core/api";
import { t } from "../core/i18n.svelte";
import type { Key } from "../texts/en";
import { reasonText, toasts } from "../ui/toasts.svelte";
import { NotConfirmed } from "./confirmation.svelte";

const KNOWN: Record<string, Key> = {
  "User already exists": "admin.refused.exists",
  "group exists": "admin.refused.group",
  "Invalid email": "admin.refused.email",
};

/** Returns the sentence, or an empty text if the administrator stopped the operation. */
export function problemText(error: unknown): string {
  if (error instanceof NotConfirmed) return "";
  const sentence = error instanceof Refused && [400, 403, 404].includes(error.status) ? sentenceOf(error) : "";
  if (sentence === "") return reasonText(error);
  const known = KNOWN[sentence];
  return known ? t(known) : t("refused.reason", { reason: sentence });
}

/** Returns the server's sentence. Operations on settings have it in their data. */
function sentenceOf({ detail, data }: Refused): string {
  if (detail !== "") return detail;
  return (data as { data?: { message?: string } } | undefined)?.data?.message ?? "";
}

/** Shows why an operation failed. */
export function showProblem(error: unknown): void {
  const text = problemText(error);
  if (text !== "") toasts.show(text);
}
