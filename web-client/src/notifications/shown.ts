/** The notifications that the browser shows. */

import { ROOT } from "../core/api";

export interface Shown {
  notification_id: number;
  subject: string;
  message: string;
  link: string;
}

/** Those that were shown without a service worker. */
const ownOnes: Notification[] = [];

/** Shows a notification. A click calls the function in a page of talkd. */
export async function show(notice: Shown, onclick: () => void): Promise<void> {
  const options = {
    body: notice.message,
    tag: `talkd-${notice.notification_id}`,
    icon: `${ROOT}/static/icon.svg`,
    data: notice.link,
  };
  const worker = await findWorker();
  if (worker?.active) {
    await worker.showNotification(notice.subject, options); // phones allow no other way
    return;
  }
  const shown = new Notification(notice.subject, options);
  ownOnes.push(shown);
  shown.onclick = () => {
    focus();
    onclick();
    shown.close();
  };
}

/** Closes those up to a newest one that are not in the list, because what they tell of was read or is gone. */
export async function closeOthers(notices: readonly Shown[], newest: number): Promise<void> {
  const there = new Set(notices.map((each) => each.notification_id));
  const all = [...ownOnes, ...((await (await findWorker())?.getNotifications()) ?? [])];
  for (const each of all) {
    const id = Number(/^talkd-(\d+)$/.exec(each.tag)?.[1]);
    if (id <= newest && !there.has(id)) each.close();
  }
}

async function findWorker(): Promise<ServiceWorkerRegistration | undefined> {
  return "serviceWorker" in navigator ? navigator.serviceWorker.getRegistration() : undefined;
}
