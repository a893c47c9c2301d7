import { describe, expect, it } from "vitest";
import type { Message } from "../src/core/api";
import { locale } from "../src/core/i18n.svelte";
import { addressOf, boxOf, fileIn, kindOf, previewOf } from "../src/files/file";
import { sizeText, spaceText, stamp, storableName } from "../src/files/format";
import { encodeWav, listPeaks } from "../src/files/voice/wav";

const message = (file: Record<string, string>, more: object = {}): Message =>
  ({
    systemMessage: "",
    messageType: "comment",
    message: "{file}",
    messageParameters: { file: { type: "file", id: "5", name: "sea.jpg", size: "1200", ...file } },
    ...more,
  }) as unknown as Message;
const picture = { mimetype: "image/jpeg", "preview-available": "yes", width: "4000", height: "3000" };

describe("sizes and names of files", () => {
  it("have units of 1024 if they are quotas", () => {
    expect([1000, 1024, 5 * 2 ** 30, 3 * 2 ** 40].map(spaceText)).toEqual(["1,000 bytes", "1 kB", "5 GB", "3 TB"]);
  });

  it("are read in the language of the reader", async () => {
    expect([0, 999, 1500, 999_600, 1_550_000, 20_000_000, 3.2e9].map(sizeText)).toEqual([
      "0 bytes",
      "999 bytes",
      "2 kB",
      "1 MB",
      "1.6 MB",
      "20 MB",
      "3.2 GB",
    ]);
    await locale.use("de");
    expect(sizeText(1_550_000)).toBe("1,6 MB");
    await locale.use("en");
  });

  it("are changed where the server would not take them", () => {
    expect(storableName("holiday.jpg")).toBe("holiday.jpg");
    expect(storableName("../../etc/passwd")).toBe(".._.._etc_passwd");
    expect(storableName("a\\b\u0000c\nd.txt")).toBe("a_b_c_d.txt");
    expect(storableName("..")).toBe("_..");
    expect(storableName(".htaccess")).toBe("_.htaccess");
    expect(storableName(" ")).toBe("_");
    expect(storableName("film.mp4.part")).toBe("film.mp4.part_");
    expect(storableName("\ud800x.txt")).toBe("_x.txt");
    const long = storableName(`${"😀".repeat(200)}.jpeg`);
    expect(new TextEncoder().encode(long).length).toBeLessThanOrEqual(180);
    expect(long).toMatch(/^(😀)+\.jpeg$/u);
  });

  it("have the local time", () => {
    expect(stamp(new Date(2026, 10, 3, 9, 5, 7))).toBe("2026-11-03 09-05-07");
  });
});

describe("files of messages", () => {
  it("are found, but not in system messages and deleted ones", () => {
    expect(fileIn(message(picture))?.width).toBe(4000);
    expect(fileIn(message({}, { systemMessage: "file_shared" }))).toBeUndefined();
    expect(fileIn(message({}, { messageType: "comment_deleted" }))).toBeUndefined();
    expect(fileIn(message({ type: "user" }))).toBeUndefined();
    expect(fileIn(message({}, { messageParameters: [] }))).toBeUndefined();
  });

  it.each([
    [picture, "comment", "picture"],
    [{ mimetype: "image/svg+xml", "preview-available": "no" }, "comment", "other"],
    [{ mimetype: "video/webm" }, "comment", "film"],
    [{ mimetype: "audio/wav" }, "comment", "sound"],
    [{ mimetype: "audio/wav" }, "voice-message", "voice"],
    [{ mimetype: "text/html" }, "comment", "other"],
  ])("are shown by their kind: %o %s", (fields, messageType, kind) => {
    const found = message(fields, { messageType });
    const file = fileIn(found);
    expect(file && kindOf(file, found)).toBe(kind);
  });

  it("have their size before they are loaded", () => {
    const box = (width: string, height: string): { width: number; height: number } | undefined => {
      const file = fileIn(message({ ...picture, width, height }));
      return file && boxOf(file, "picture");
    };
    expect(box("4000", "3000")).toEqual({ width: 320, height: 240 });
    expect(box("10", "10")).toEqual({ width: 96, height: 96 });
    expect(box("10", "10000")).toEqual({ width: 96, height: 280 });
    expect(box("", "")).toEqual({ width: 320, height: 180 });
  });

  it("have names in one direction", () => {
    expect(fileIn(message({ name: "photo_\u202egpj.exe" }))?.name).toBe("photo_\ufffdgpj.exe");
  });

  it("have a length in seconds if they are sounds or films", () => {
    expect(fileIn(message({ duration: "2500" }))?.duration).toBe(2.5);
    expect(fileIn(message({}))?.duration).toBe(0);
  });

  it("have addresses that nobody can leave this server with", () => {
    const file = fileIn(message({ ...picture, id: "../../evil?x=" }));
    expect(file && addressOf(file)).toBe("/f/..%2F..%2Fevil%3Fx%3D?download=1");
    expect(file && previewOf(file, 320, 240)).toBe(
      "/index.php/core/preview?fileId=..%2F..%2Fevil%3Fx%3D&x=512&y=512&a=1",
    );
  });
});

describe("voice messages", () => {
  it("become WAV files with one channel", async () => {
    const wav = encodeWav(new Float32Array([0, 1, -1, 2]));
    const view = new DataView(await wav.arrayBuffer());
    expect([wav.type, view.byteLength]).toEqual(["audio/wav", 52]);
    expect(view.getUint32(24, true)).toBe(16_000);
    expect([0, 1, 2, 3].map((index) => view.getInt16(44 + index * 2, true))).toEqual([0, 32767, -32767, 32767]);
  });

  it("have a wave form whose loudest part is 1", () => {
    expect(listPeaks(new Float32Array([0, 0.25, -0.5, 0.1]), 2)).toEqual([0.5, 1]);
    expect(listPeaks(new Float32Array(0), 2)).toEqual([0, 0]);
  });
});
