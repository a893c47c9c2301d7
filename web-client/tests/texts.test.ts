import { describe, expect, it } from "vitest";
import { Refused } from "../src/core/api";
import { preferredLanguage } from "../src/core/i18n.svelte";
import { adminDe } from "../src/texts/admin-de";
import { adminEn } from "../src/texts/admin-en";
import { de } from "../src/texts/de";
import { en } from "../src/texts/en";
import { filesDe } from "../src/texts/files-de";
import { filesEn } from "../src/texts/files-en";
import { reasonText } from "../src/ui/toasts.svelte";

const values = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

describe("texts", () => {
  it("has each text in German, with the same values", () => {
    const german: Record<string, string> = { ...de, ...adminDe, ...filesDe };
    for (const [key, text] of Object.entries({ ...en, ...adminEn, ...filesEn }))
      expect(values(german[key] ?? ""), key).toEqual(values(text));
  });

  it("shows the first language of the browser that it has", () => {
    expect(preferredLanguage(["fr-FR", "de-AT", "en"])).toBe("de");
    expect(preferredLanguage(["ja"])).toBe("en");
  });

  it("names a full server as the reason why a picture is refused", () => {
    expect(reasonText(new Refused(507, ""))).toBe(en["refused.space"]);
    expect(reasonText(new Refused(400, ""))).toBe(en["refused.unknown"]);
  });
});
