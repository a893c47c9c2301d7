import { describe, expect, it } from "vitest";
import { preferredLanguage } from "../src/core/i18n.svelte";
import { adminDe } from "../src/texts/admin-de";
import { adminEn } from "../src/texts/admin-en";
import { de } from "../src/texts/de";
import { en } from "../src/texts/en";
import { filesDe } from "../src/texts/files-de";
import { filesEn } from "../src/texts/files-en";

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
});
