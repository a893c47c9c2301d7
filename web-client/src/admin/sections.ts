/** The parts of the administration, in their order. */

export const SECTIONS = ["accounts", "groups", "rooms", "settings", "throttles", "status"] as const;
export type Section = (typeof SECTIONS)[number];

/** Returns the part that an address names, or the first one. */
export function sectionOf(name: string): Section {
  return SECTIONS.find((each) => each === name) ?? SECTIONS[0];
}
