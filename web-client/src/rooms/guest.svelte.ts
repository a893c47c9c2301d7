/** The name of a guest. This browser remembers it for the next room. */

import { talk } from "../core/api";

const KEY = "talkd.guest";

class Guest {
  name = $state(localStorage.getItem(KEY) ?? "");

  /** Remembers the name before the guest is in a room. */
  remember(name: string): void {
    this.name = name.trim();
    localStorage.setItem(KEY, this.name);
  }

  /** Shows the name to the others in a room. */
  async introduce(token: string): Promise<void> {
    await talk.post("v1/guest/{token}/name", { path: { token }, body: { displayName: this.name } });
  }

  /** Changes the name in a room. Throws `Refused`, and keeps the name before. */
  async rename(token: string, name: string): Promise<void> {
    const before = this.name;
    this.remember(name);
    try {
      await this.introduce(token);
    } catch (error) {
      this.remember(before);
      throw error;
    }
  }
}

export const guest = new Guest();
