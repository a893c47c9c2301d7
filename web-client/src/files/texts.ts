/** Loads the texts of files. A part that imports this file is shown with its texts. */

import { locale } from "../core/i18n.svelte";
import { filesEn } from "../texts/files-en";

await locale.include(async (language) => (language === "de" ? (await import("../texts/files-de")).filesDe : filesEn));
