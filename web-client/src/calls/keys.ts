/** The keys of a call. Single letters can be switched off, since they disturb people who speak to their computer. */

const KEY = "talkd.call.keys";

export interface KeyActions {
  microphone: () => void;
  camera: () => void;
  hand: () => void;
  chat: () => void;
  /** Held to speak: the microphone is open until the key is released. */
  talk: (isHeld: boolean) => void;
}

export function areLettersOn(): boolean {
  return localStorage.getItem(KEY) !== "off";
}

export function setLetters(isOn: boolean): void {
  localStorage.setItem(KEY, isOn ? "on" : "off");
}

/** Returns whether a key belongs to what has the focus: a field, or a button that Space presses. */
export function isTaken(event: KeyboardEvent): boolean {
  const { target } = event;
  if (!(target instanceof Element)) return false;
  if (target.closest("input, textarea, select, [contenteditable], dialog, [role=menu]")) return true;
  return event.key === " " && target.closest("button, a, summary") !== null;
}

/** Does what a pressed key means. */
export function press(event: KeyboardEvent, actions: KeyActions): void {
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    const action = { d: actions.microphone, e: actions.camera }[key];
    if (!action) return;
    event.preventDefault();
    if (!event.repeat) action();
  } else if (!event.ctrlKey && !event.metaKey && !event.altKey && areLettersOn() && !isTaken(event)) {
    const { microphone, camera, hand, chat, talk } = actions;
    const action = { m: microphone, v: camera, r: hand, c: chat, " ": () => talk(true) }[key];
    if (!action) return;
    event.preventDefault();
    if (!event.repeat) action();
  }
}
