/** Who uses this page, and what the server can do. */

import { ocs, Refused, ROOT, talk, whenUnauthorized } from "./api";
import { locale, preferredLanguage, type Language } from "./i18n.svelte";

const LANGUAGE = "talkd.language";
const COLORS = "talkd.colors";
const NOBODY = "";

export interface Me {
  id: string;
  name: string;
  email: string;
  isAdmin: boolean;
}

interface User {
  id: string;
  displayname: string;
  email: string | null;
  groups: string[];
  language: string;
}

/** The part of the capabilities that the client reads. */
interface Capabilities {
  spreed: {
    features: string[];
    config: {
      attachments: { allowed: boolean };
      call: {
        enabled: boolean;
        "breakout-rooms": boolean;
        recording: boolean;
        "recording-consent": number;
        "supported-reactions": string[];
      };
      chat: { "max-length": number; "read-privacy": number; "typing-privacy": number };
      conversations: { "can-create": boolean; "description-length": number; "force-passwords": boolean };
    };
  };
  theming: {
    name: string;
    slogan: string;
    color: string;
    "color-text": string;
    "color-element-bright": string;
    "color-element-dark": string;
  };
  password_policy: { minLength: number };
}

class Session {
  /** The account that is logged in, or null for a guest. */
  me = $state.raw<Me | null>(null);
  /** The id of a guest in the room they are in, as messages name it. */
  guestId = $state("");
  #capabilities = $state.raw<Capabilities | null>(null);
  /** Grows with each change of the user's picture. */
  pictureVersion = $state(0);
  /** Whether the server no longer knows this browser: it was logged out. */
  hasEnded = $state(false);
  /** Whether that was the wish of the user, in another page of this browser. */
  hasLeft = $state(false);
  #pages = new BroadcastChannel(`talkd${ROOT}`);

  get capabilities(): Capabilities {
    if (!this.#capabilities) throw new Error("the session has not started");
    return this.#capabilities;
  }

  /** Reads the account, what the server can do, and the texts of the language. Throws `Refused`. */
  async start(): Promise<void> {
    const [me, capabilities] = await Promise.all([readMe(), readCapabilities(), locale.use(languageHere())]);
    this.#capabilities = capabilities;
    this.me = me?.me ?? null;
    showColors(capabilities.theming);
    if (!me) return;
    await locale.use(preferredLanguage([me.language, ...navigator.languages]));
    whenUnauthorized(() => (this.hasEnded = true));
    this.#pages.onmessage = ({ data }) => this.#notePage(String(data));
    this.#pages.postMessage(me.me.id);
  }

  /** Asks the server whether the user is still logged in. */
  async check(): Promise<boolean> {
    if (this.me) await ocs.get("cloud/user", {}).catch(() => undefined);
    return !this.hasEnded;
  }

  /** Ends with the page in which the user logs out. Starts anew if somebody has logged in with this browser. */
  #notePage(userId: string): void {
    if (userId === NOBODY) [this.hasEnded, this.hasLeft] = [true, true];
    else if (this.hasEnded || userId !== this.me?.id) location.reload();
  }

  /** Removes what must not stay in the browser when the user logs out, and ends the other pages. */
  leave(): void {
    this.forgetDrafts();
    this.#pages.postMessage(NOBODY);
  }

  /** Shows a change of the account that the server has taken. */
  change(fields: Partial<Me>): void {
    if (this.me) this.me = { ...this.me, ...fields };
  }

  /** Sets a preference of the user, and reads what follows from it. Throws `Refused`. */
  async setPreference(key: string, value: number): Promise<void> {
    await talk.post("v1/settings/user", { body: { key, value } });
    this.#capabilities = await readCapabilities();
  }

  /** Shows all texts in a language, and keeps it in this browser and in the account. Throws `Refused`. */
  async setLanguage(language: Language): Promise<void> {
    localStorage.setItem(LANGUAGE, language);
    await locale.use(language);
    if (!this.me) return;
    await ocs.put("cloud/users/{user_id}", {
      path: { user_id: this.me.id },
      body: { key: "language", value: language },
    });
  }

  /** Returns the name under which `storage` keeps something for this user. Others who use the browser have others. */
  keyOf(thing: string): string {
    return `talkd.${thing}.${this.me?.id ?? "guest"}`;
  }

  /** Returns the names under which things are kept for this user whose own names begin with a word and a dot. */
  keysOf(word: string): string[] {
    return Object.keys(this.storage).filter((key) => {
      const [, thing = ""] = /^talkd\.(\w+\.\w+)\./.exec(key) ?? [];
      return thing.startsWith(`${word}.`) && key === this.keyOf(thing);
    });
  }

  /** Keeps texts over a reload. Those of a guest end with the window, because the next guest may be somebody else. */
  get storage(): Storage {
    return this.me ? localStorage : sessionStorage;
  }

  /** Removes the drafts of this user. Messages that are not sent yet stay for the next login. */
  forgetDrafts(): void {
    for (const key of this.keysOf("draft"))
      for (const storage of [localStorage, sessionStorage]) storage.removeItem(key);
  }

  /** Whether a parameter of a message means the reader. */
  isMe({ type, id }: { type: string; id: string }): boolean {
    if (this.me) return type === "user" && id === this.me.id;
    return this.guestId !== "" && id === this.guestId;
  }

  can(feature: string): boolean {
    return this.capabilities.spreed.features.includes(feature);
  }
}

/** Returns the language that was chosen in this browser, or that it prefers. */
function languageHere(): Language {
  return preferredLanguage([localStorage.getItem(LANGUAGE) ?? "", ...navigator.languages]);
}

async function readCapabilities(): Promise<Capabilities> {
  const answer: unknown = await ocs.get("cloud/capabilities", {});
  return (answer as { capabilities: Capabilities }).capabilities;
}

async function readMe(): Promise<{ me: Me; language: string } | null> {
  try {
    const answer: unknown = await ocs.get("cloud/user", {});
    const user = answer as User;
    const me = { id: user.id, name: user.displayname, email: user.email ?? "", isAdmin: user.groups.includes("admin") };
    return { me, language: user.language };
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return null;
    throw error;
  }
}

function showColors(theming: Capabilities["theming"]): void {
  const colors = {
    "--brand": theming.color,
    "--on-brand": theming["color-text"],
    "--link-light": theming["color-element-bright"],
    "--link-dark": theming["color-element-dark"],
  };
  localStorage.setItem(COLORS, JSON.stringify(colors));
  showKeptColors();
}

/** Shows the colours of the server that this browser saw last, also while the server cannot be reached. */
export function showKeptColors(): void {
  const colors = JSON.parse(localStorage.getItem(COLORS) ?? "{}") as Record<string, string>;
  for (const [name, color] of Object.entries(colors)) document.documentElement.style.setProperty(name, color);
}

export const session = new Session();
