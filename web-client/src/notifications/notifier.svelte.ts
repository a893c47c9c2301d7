/** Notifications of the browser about what the server notifies the user of, while a page of talkd is open. */

import { alone } from "../core/alone";
import { ocs } from "../core/api";
import { live } from "../core/live.svelte";
import { placeOf, router } from "../core/router.svelte";
import { session } from "../core/session.svelte";
import { rooms } from "../rooms/rooms.svelte";
import { findViews } from "./in-view";
import { closeOthers, show, type Shown } from "./shown";
import { play } from "./sound";

const CHECK_EVERY = 10_000;
const CHOSEN = "talkd.notifications";
const SOUND = "talkd.sound";

interface Notice extends Shown {
  object_type: string;
  object_id: string;
}

class Notifier {
  permission = $state<NotificationPermission | "unsupported">(
    "Notification" in window ? Notification.permission : "unsupported",
  );
  hasSound = $state(localStorage.getItem(SOUND) !== "off");
  /** The notifications of calls, running and missed. */
  calls = $state.raw<Notice[]>([]);
  /** The newest notification of a call for which this page has made a sound. */
  newCall = $state(0);
  #isChosen = $state(localStorage.getItem(CHOSEN) !== "off");
  #tag = "";
  #isChecking = false;
  #isStale = false;
  #ending = new AbortController();
  #timer: ReturnType<typeof setInterval> | undefined;

  get isOn(): boolean {
    return this.#isChosen && this.permission === "granted";
  }

  /** Whether the user has neither allowed nor refused notifications. */
  get mayAsk(): boolean {
    return this.#isChosen && this.permission === "default";
  }

  /** Turns notifications on or off. The browser asks for permission if it must. */
  async turn(isOn: boolean): Promise<void> {
    this.#isChosen = isOn;
    localStorage.setItem(CHOSEN, isOn ? "on" : "off");
    if (isOn && this.permission === "default") this.permission = await Notification.requestPermission();
  }

  setSound(isOn: boolean): void {
    this.hasSound = isOn;
    localStorage.setItem(SOUND, isOn ? "on" : "off");
    if (isOn) play();
  }

  /** Looks for new notifications every few seconds, and when the list of rooms changes. */
  start(): void {
    this.#timer = setInterval(() => void this.#check(), CHECK_EVERY);
    live.on((event) => {
      if (event.type === "rooms") void this.#check();
    });
    if ("serviceWorker" in navigator)
      navigator.serviceWorker.addEventListener("message", ({ data }) => open(String(data)));
    void this.#check();
  }

  /** Looks for no more, and closes what is shown, because the user is logged out. */
  stop(): void {
    clearInterval(this.#timer);
    this.#ending.abort();
    this.calls = [];
    void closeOthers([], Infinity);
  }

  /** Looks for new notifications. Calls during a look lead to one more after it. */
  async #check(): Promise<void> {
    if (this.#isChecking) {
      this.#isStale = true;
      return;
    }
    this.#isChecking = true;
    await this.#look();
    this.#isChecking = false;
    if (this.#isStale) {
      this.#isStale = false;
      void this.#check();
    }
  }

  async #look(): Promise<void> {
    if (this.#ending.signal.aborted) return;
    const known = Number(localStorage.getItem(session.keyOf("notified"))); // another page may show newer ones meanwhile
    try {
      const { data, status, headers } = await ocs.getAnswer("apps/notifications/api/v2/notifications", {
        headers: { "If-None-Match": this.#tag },
        signal: this.#ending.signal,
      });
      if (status === 304) return;
      this.#tag = headers.get("ETag") ?? "";
      this.calls = data.filter(isCall);
      await closeOthers(data, known); // before others are shown: browsers may forget one that they list at the same time
      await alone("notified", () => this.#note(data));
    } catch {
      return; // the next check tries again
    }
  }

  /** Tells of what no page of this browser has told of. */
  async #note(notices: Notice[]): Promise<void> {
    const key = session.keyOf("notified");
    const stored = localStorage.getItem(key);
    const newest = Math.max(0, ...notices.map((each) => each.notification_id));
    if (stored !== null && newest <= Number(stored)) return;
    localStorage.setItem(key, String(newest));
    if (stored === null) return; // what was there before the first visit is no news
    void rooms.refresh();
    const isSeen = await findViews();
    const fresh = notices
      .filter((each) => each.notification_id > Number(stored))
      .filter((each) => isCall(each) || !isSeen(each.object_id.split("/")[0] ?? ""));
    this.newCall = fresh.find(isCall)?.notification_id ?? this.newCall;
    if (fresh.length > 0 && this.hasSound) play();
    if (this.isOn) await Promise.all(fresh.toReversed().map((notice) => show(notice, () => open(notice.link))));
  }
}

function isCall(notice: Notice): boolean {
  return notice.object_type === "call";
}

function open(link: string): void {
  const address = new URL(link, location.href);
  router.go(placeOf(address.pathname, address.hash));
}

export const notifier = new Notifier();
