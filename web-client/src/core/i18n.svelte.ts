/** Texts in the language of the reader, and dates and numbers by `Intl`. */

import { en, type Key } from "../texts/en";

export const LANGUAGES = ["en", "de"] as const;
export type Language = (typeof LANGUAGES)[number];
type Values = Record<string, string | number>;

const UNITS = [
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
] as const;

type Texts = Partial<Record<string, string>>;
/** Returns the texts of a part of the client in a language. */
type Loader = (language: Language) => Promise<Texts>;

const loaders: Loader[] = [async (language) => (language === "de" ? (await import("../texts/de")).de : en)];

class Locale {
  language = $state<Language>("en");
  #texts = $state.raw<Texts>(en);
  #plural = $derived(new Intl.PluralRules(this.language));
  #clock = $derived(new Intl.DateTimeFormat(this.language, { timeStyle: "short" }));
  #day = $derived(new Intl.DateTimeFormat(this.language, { weekday: "long", day: "numeric", month: "long" }));
  #date = $derived(new Intl.DateTimeFormat(this.language, { dateStyle: "medium" }));
  #soon = $derived(new Intl.DateTimeFormat(this.language, { weekday: "short", hour: "numeric", minute: "2-digit" }));
  #full = $derived(new Intl.DateTimeFormat(this.language, { dateStyle: "full", timeStyle: "short" }));
  #list = $derived(new Intl.ListFormat(this.language));
  #percent = $derived(new Intl.NumberFormat(this.language, { style: "percent" }));
  #relative = $derived(new Intl.RelativeTimeFormat(this.language, { numeric: "auto" }));

  /** Loads the texts of a language and shows them. */
  async use(language: Language): Promise<void> {
    const texts = await Promise.all(loaders.map((load) => load(language)));
    this.#texts = Object.assign({}, ...texts) as Texts;
    this.language = language;
    document.documentElement.lang = language;
  }

  /** Adds the texts of a part of the client that is loaded when it is used. */
  async include(load: Loader): Promise<void> {
    loaders.push(load);
    await this.use(this.language);
  }

  /** Returns a text with its values filled in. With a value `count`, the text of its plural form is used. */
  text = (key: Key, values: Values = {}): string => {
    const count = values["count"];
    const texts = this.#texts;
    const form = typeof count === "number" ? texts[`${key}.${this.#plural.select(count)}`] : texts[key];
    return (form ?? texts[`${key}.other`] ?? key).replace(/\{(\w+)\}/g, (_all, name: string) =>
      String(values[name] ?? ""),
    );
  };

  /** `25 %`, for 0.25 */
  percent = (part: number): string => this.#percent.format(part);

  /** `14:05` */
  clock = (seconds: number): string => this.#clock.format(seconds * 1000);

  /** `today`, `yesterday`, `tomorrow`, or the date. */
  day = (seconds: number): string => {
    const days = Math.round((startOfDay(seconds * 1000) - startOfDay(Date.now())) / 86_400_000);
    if (days > -2 && days < 2) return this.#relative.format(days, "day");
    return days > -180 && days < 180 ? this.#day.format(seconds * 1000) : this.#date.format(seconds * 1000);
  };

  /** The time if it was today, otherwise the day. */
  moment = (seconds: number): string =>
    startOfDay(seconds * 1000) === startOfDay(Date.now()) ? this.clock(seconds) : this.day(seconds);

  /** `8 hours`: a number of seconds, in the largest unit that needs no fraction. */
  span = (seconds: number): string => {
    const [unit, size] = UNITS.find((each) => seconds % each[1] === 0) ?? (["second", 1] as const);
    const options = { style: "unit", unit, unitDisplay: "long" } as const;
    return new Intl.NumberFormat(this.language, options).format(seconds / size);
  };

  /** `Alice, Bob and Carol` */
  list = (names: string[]): string => this.#list.format(names);

  /** `Mon, 14:05`, for times in the next days. After a week, the date. */
  soon = (seconds: number): string =>
    seconds * 1000 - Date.now() < 6 * 86_400_000 ? this.#soon.format(seconds * 1000) : this.day(seconds);

  /** The whole date and time. */
  full = (seconds: number): string => this.#full.format(seconds * 1000);
}

function startOfDay(milliseconds: number): number {
  return new Date(milliseconds).setHours(0, 0, 0, 0);
}

/** Returns the first language of the browser that has a catalogue. */
export function preferredLanguage(wanted: readonly string[] = navigator.languages): Language {
  const found = wanted.map((each) => each.slice(0, 2)).find((each) => (LANGUAGES as readonly string[]).includes(each));
  return (found as Language | undefined) ?? "en";
}

export const locale = new Locale();
export const t = locale.text;
