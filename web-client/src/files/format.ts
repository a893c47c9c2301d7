/** Sizes and names of files as they are read, and as the server takes them. */

import { locale } from "../core/i18n.svelte";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
const LONGEST_NAME = 180; // bytes, which leaves space for what is put in front
const LONGEST_END = 20;
// eslint-disable-next-line no-control-regex -- they are what names may not contain
const FORBIDDEN = /[\\/\u0000-\u001f\u007f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const TEMPORARY = /\.(part|filepart)$/i;
const RESERVED = /^(\.{1,2}|\.htaccess)$/i;

/** What the files of an account use and may use, in bytes. A quota below 0 is no limit. */
export interface Quota {
  used: number;
  quota: number;
}

/** Returns a number of bytes as `1.5 MB`. */
export function sizeText(bytes: number): string {
  return textOf(bytes, 1000);
}

/** Returns the type and size of a file: the end of a long name is not seen. */
export function aboutFile({ name, size }: { name: string; size: number }): string {
  const [, type] = endOf(name);
  return type.length > 1 ? `${type.slice(1).toUpperCase()} · ${sizeText(size)}` : sizeText(size);
}

/** Returns a number of bytes as `sizeText` does, with the units of quotas, which are powers of 1024. */
export function spaceText(bytes: number): string {
  return textOf(bytes, 1024);
}

function textOf(bytes: number, step: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= step - 0.5 && unit < UNITS.length - 1) [value, unit] = [value / step, unit + 1];
  const digits = value < 10 && unit > 1 ? 1 : 0;
  return new Intl.NumberFormat(locale.language, {
    style: "unit",
    unit: UNITS[unit] ?? "byte",
    unitDisplay: unit === 0 ? "long" : "short",
    maximumFractionDigits: digits,
  }).format(value);
}

/** Returns a name that the server takes for a file, as near to its own as possible. */
export function storableName(name: string): string {
  const allowed = name.replace(FORBIDDEN, "_").trim().replace(RESERVED, "_$&").replace(TEMPORARY, "$&_") || "_";
  const [stem, end] = endOf(allowed);
  let kept = stem;
  while (bytesIn(kept + end) > LONGEST_NAME) kept = kept.replace(/.$/u, "");
  return kept + end;
}

/** Returns a name in two parts. The second one says what the file is. */
function endOf(name: string): [stem: string, end: string] {
  const dot = name.lastIndexOf(".");
  return dot > 0 && name.length - dot <= LONGEST_END ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
}

function bytesIn(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Returns the current time for names of files, such as `2026-11-30 19-05-00`. */
export function stamp(now = new Date()): string {
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString();
  return local.slice(0, 19).replace("T", " ").replaceAll(":", "-");
}
