import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const TEXT_OF_ENTITIES = "node_modules/decode-named-character-reference/index.js";
const COMPRESSIBLE = /\.(js|css|svg|json|webmanifest)$/;

/** Modules that go into one file if several files need them. Otherwise the first visit loads 30 small files. */
const SHARED =
  /src.(core|ui|rooms|people|notifications|settings|texts.(en|chat-en|rooms-en)|files.(file|showing|uploads)|chat.reference)|node_modules/;

/** Writes a `.br` and a `.gz` file beside each text file, so that the server never compresses. */
function compressed(): Plugin {
  return {
    name: "compressed",
    writeBundle({ dir = "" }, bundle) {
      for (const fileName of Object.keys(bundle).filter((each) => COMPRESSIBLE.test(each))) {
        const path = join(dir, fileName);
        const source = readFileSync(path);
        const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        writeFileSync(`${path}.br`, brotliCompressSync(source, { params }));
        writeFileSync(`${path}.gz`, gzipSync(source, { level: 9 }));
      }
    },
  };
}

const WORKER = "service-worker";

/** Tells the service worker the name of this build, and what an open page needs without a network: its start and texts. */
function namedBuild(): Plugin {
  return {
    name: "named-build",
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((each) => each.type === "chunk");
      const worker = chunks.find((each) => each.name === WORKER);
      const start = chunks.find((each) => each.isEntry && each.name === "index");
      if (!worker || !start || worker.imports.length > 0) return this.error("the service worker must be one file");
      const texts = chunks.filter((each) => /\/src\/texts\/[a-z]{2}\.ts$/.test(each.facadeModuleId ?? ""));
      const styles = Object.keys(bundle).filter((name) => /^(index|shared)-.*\.css$/.test(name));
      const files = [...new Set([start, ...texts].flatMap((each) => [each.fileName, ...each.imports]).concat(styles))];
      const name = createHash("sha256").update(Object.keys(bundle).sort().join()).digest("hex").slice(0, 12);
      worker.code = worker.code.replaceAll("__BUILD__", JSON.stringify({ name, files }));
    },
  };
}

/** Keeps only the fields of emoji that the picker reads: skin tones are most of the data. */
function slimEmoji(): Plugin {
  return {
    name: "slim-emoji",
    enforce: "pre",
    load(id) {
      if (!/emojibase-data\/\w+\/compact\.json$/.test(id)) return null;
      const emoji = JSON.parse(readFileSync(id, "utf8")) as Record<string, unknown>[];
      return JSON.stringify(
        emoji
          .filter(({ group }) => group !== undefined)
          .map(({ hexcode, label, unicode, tags, group, order }) => ({ hexcode, label, unicode, tags, group, order })),
      );
    },
  };
}

export default defineConfig({
  base: "./", // the server puts its own path in front, which only it knows
  plugins: [slimEmoji(), svelte(), namedBuild(), compressed()],
  build: {
    outDir: "../src/talkd/client",
    emptyOutDir: true,
    assetsDir: ".",
    assetsInlineLimit: 0, // the content security policy allows no inline files
    target: "es2022",
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: { index: "index.html", recording: "recording.html", [WORKER]: "src/core/service-worker.ts" },
      output: {
        entryFileNames: ({ name }) => (name === WORKER ? "[name].js" : "[name]-[hash].js"),
        codeSplitting: { groups: [{ name: "shared", test: SHARED, minShareCount: 2 }] },
      },
    },
  },
  resolve: {
    // For browsers this package decodes `&amp;` by parsing HTML, which Trusted Types forbid.
    alias: { "decode-named-character-reference": join(import.meta.dirname, TEXT_OF_ENTITIES) },
    ...(process.env["VITEST"] ? { conditions: ["browser"] } : {}),
  },
  test: { environment: "jsdom", include: ["tests/**/*.test.ts"], testTimeout: 30_000 },
});
