/** Short notes above the page, such as why something was refused. */

import { Refused } from "../core/api";
import { t } from "../core/i18n.svelte";
import type { Key } from "../texts/en";

export interface Toast {
  id: number;
  text: string;
  action?: { label: string; run: () => void } | undefined;
}

const SHOWN_FOR = 6000;

class Toasts {
  list = $state<Toast[]>([]);
  #number = 0;

  /** Shows a note for some seconds. */
  show(text: string, action?: Toast["action"]): void {
    const id = ++this.#number;
    this.list.push({ id, text, action });
    setTimeout(() => this.remove(id), SHOWN_FOR);
  }

  remove(id: number): void {
    this.list = this.list.filter((each) => each.id !== id);
  }

  /** Says why a request failed. */
  failed(error: unknown): void {
    this.show(reasonText(error));
  }
}

const REASONS: Record<string, Key> = {
  permissions: "refused.permissions",
  "message-length": "refused.length",
  lobby: "refused.lobby",
  name: "refused.name",
  password: "refused.password",
  age: "refused.age",
};

/** Returns a sentence that says why a request failed. */
export function reasonText(error: unknown): string {
  if (!(error instanceof Refused)) {
    console.error(error);
    return t("refused.unknown");
  }
  const known = REASONS[error.reason];
  if (known) return t(known);
  if (error.isOffline) return t("refused.offline");
  if (error.status === 429) return t("refused.throttled");
  if (error.status === 403) return t("refused.permissions");
  if (error.status === 404) return t("refused.missing");
  if (error.status === 507) return t("refused.space");
  return error.reason === "" ? t("refused.unknown") : t("refused.reason", { reason: error.reason });
}

export const toasts = new Toasts();
