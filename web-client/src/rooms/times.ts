/** Times in fields of the type `datetime-local`, which have no time zone. Times of the API are seconds, 0 for none. */

/** Returns what such a field shows for a time. */
export function inputOf(seconds: number): string {
  if (seconds === 0) return "";
  const shift = new Date(seconds * 1000).getTimezoneOffset() * 60;
  return new Date((seconds - shift) * 1000).toISOString().slice(0, 16);
}

/** Returns the time in such a field, in the time zone of the browser. */
export function secondsOf(text: string): number {
  return text === "" ? 0 : Math.floor(new Date(text).getTime() / 1000);
}
