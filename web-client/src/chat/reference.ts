/** References, by which a message that is sent twice is kept once. */

/** Returns a new reference: 64 hexadecimal digits. */
export function createReference(): string {
  return [...crypto.getRandomValues(new Uint8Array(32))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
