/** What the viewer shows. It is a part of its own, so that the viewer is loaded when it is first opened. */

import type { Message } from "../core/api";

class Showing {
  /** The message whose picture or film is shown first, and those around it, or null while the viewer is closed. */
  current = $state.raw<{ message: Message; others: Message[] } | null>(null);

  open(message: Message, others: Message[]): void {
    this.current = { message, others };
  }

  close(): void {
    this.current = null;
  }
}

export const showing = new Showing();
