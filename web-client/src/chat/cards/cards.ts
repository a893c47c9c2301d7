/** Shared things as cards: their kind, a second line, and where a click leads. */

import { safeAddress, type Parameter } from "../markdown";

export type CardIcon = "box" | "call" | "card" | "contact" | "day" | "file" | "place";

export interface Card {
  icon: CardIcon;
  detail: string;
  link: string | null;
}

export const PLACE = "geo-location";

const ICONS: Record<string, CardIcon> = {
  [PLACE]: "place",
  "addressbook-contact": "contact",
  calendar: "day",
  "calendar-event": "day",
  "calendar-todo": "day",
  call: "call",
  "deck-board": "card",
  "deck-card": "card",
  file: "file",
};
const PAIR = /^\s*(?:geo:)?(-?\d{1,3}(?:\.\d+)?)\s*[,; ]\s*(-?\d{1,3}(?:\.\d+)?)(?:[;,?].*)?$/i;
const ON_MAP = /#map=\d+\/(-?\d{1,3}(?:\.\d+)?)\/(-?\d{1,3}(?:\.\d+)?)/;

/** Returns how a shared thing is shown. */
export function cardOf(thing: Parameter): Card {
  const icon = ICONS[thing.type] ?? "box";
  if (thing.type === PLACE) {
    const [latitude, longitude] = [Number(thing["latitude"]), Number(thing["longitude"])];
    const link = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`;
    return { icon, detail: `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`, link };
  }
  const address = thing["link"] ?? "";
  const link = address.startsWith("http") ? safeAddress(address) : null;
  return { icon, detail: [thing["boardname"], thing["stackname"]].filter(Boolean).join(" · "), link };
}

/** Returns the coordinates in a text, a `geo:` address or the address of a map, or null. */
export function positionIn(text: string): { latitude: number; longitude: number } | null {
  const found = ON_MAP.exec(text) ?? PAIR.exec(text);
  const [latitude, longitude] = [Number(found?.[1] ?? NaN), Number(found?.[2] ?? NaN)];
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : null;
}
