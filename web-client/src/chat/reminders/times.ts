/** Times at which people usually want to be reminded. */

const MORNING = 8;
const EVENING = 18;
const SATURDAY = 6;

export type ReminderName = "hour" | "evening" | "tomorrow" | "weekend" | "week";

/** Returns what can be chosen at a moment, with the times in seconds. */
export function reminderTimes(now: Date): { name: ReminderName; at: number }[] {
  const day = (days: number, hour: number): number =>
    Math.floor(new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour).getTime() / 1000);
  const weekday = now.getDay() || 7;
  const choices: { name: ReminderName; at: number }[] = [{ name: "hour", at: Math.floor(now.getTime() / 1000) + 3600 }];
  if (now.getHours() < EVENING - 1) choices.push({ name: "evening", at: day(0, EVENING) });
  choices.push({ name: "tomorrow", at: day(1, MORNING) });
  if (weekday < SATURDAY - 1) choices.push({ name: "weekend", at: day(SATURDAY - weekday, MORNING) });
  if (weekday < 7) choices.push({ name: "week", at: day(8 - weekday, MORNING) });
  return choices;
}
