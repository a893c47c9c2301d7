/** Loads the texts of the administration. A part that imports this file is shown with its texts. */

import { locale } from "../core/i18n.svelte";
import { adminEn } from "../texts/admin-en";

await locale.include(async (language) => (language === "de" ? (await import("../texts/admin-de")).adminDe : adminEn));
