/** Whether the list of keyboard shortcuts is open, and the keys that open it. */

import { tinykeys } from "tinykeys";

class Shortcuts {
  isOpen = $state(false);

  /** Opens the list with `?` outside of text fields, and with Ctrl+/ everywhere. */
  start(): void {
    const open = (event: KeyboardEvent): void => {
      event.preventDefault();
      this.isOpen = true;
    };
    tinykeys(window, {
      "$mod+/": open,
      "Shift+?": (event) => {
        if (!isTextField(event.target)) open(event);
      },
    });
  }
}

function isTextField(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}

export const shortcuts = new Shortcuts();
