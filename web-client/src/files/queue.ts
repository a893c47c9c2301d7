/** Sends files in the background, and lets rooms show them in the order in which they were chosen. */

import { createReference } from "../chat/reference";
import { Refused } from "../core/api";
import { t } from "../core/i18n.svelte";
import { live } from "../core/live.svelte";
import { router } from "../core/router.svelte";
import { session } from "../core/session.svelte";
import { rooms } from "../rooms/rooms.svelte";
import { toasts } from "../ui/toasts.svelte";
import { forget, keep, keepProgress, listKept } from "./kept";
import { canAgree, Pages, type News } from "./pages";
import "./texts";
import { getFolder, isRoomThere, persist, post } from "./sending";
import { removeSent, transfer, Unreadable } from "./transfer";
import { Upload, uploads, type Obstacle, type Wanted } from "./uploads.svelte";

const AT_ONCE = 2;
/** Milliseconds after which a file that the room shows is no longer listed here, even if its message did not come. */
const LINGER = 10_000;
const OBSTACLES: Record<number, Obstacle> = {
  403: "refused",
  404: "lost",
  413: "size",
  415: "refused",
  507: "space",
};

class Queue {
  #waiting: (() => void)[] = [];
  #isListening = false;
  #hasLooked = false;
  readonly #pages = new Pages(
    (news) => this.#note(news),
    ({ referenceId, wish }) => {
      const upload = uploads.list.find((each) => each.referenceId === referenceId && !each.isElsewhere);
      if (upload) void this[wish](upload);
    },
  );

  /** Sends files to a room. */
  add(wanted: Wanted[]): void {
    this.#listen();
    const added = wanted.map((each) => new Upload(createReference(), each));
    uploads.list = [...uploads.list, ...added];
    this.#pages.tell(() => uploads.list);
    void this.#keepAll(added);
    this.#startNext();
  }

  /** Takes over what is kept and no other page sends, and forgets what another page has sent or cancelled. */
  async look(): Promise<void> {
    if (this.#hasLooked && !canAgree) return;
    [this.#hasLooked, this.#isListening] = [true, this.#listen()];
    const known = uploads.list.filter((each) => each.isKept === true || each.isElsewhere);
    const kept = await listKept().catch(() => []);
    const ids = new Set(kept.map((each) => each.referenceId));
    for (const each of known) if (!ids.has(each.referenceId) && each.state !== "posting") this.#drop(each);
    for (const { referenceId, wanted, progress } of kept) {
      if (uploads.list.some((each) => each.referenceId === referenceId)) continue;
      if (progress.obstacle !== null && !rooms.byToken.has(wanted.token)) {
        void forget(referenceId); // nobody can see it
        continue;
      }
      const upload = new Upload(referenceId, wanted);
      upload.progress = progress;
      [upload.isKept, upload.isElsewhere] = [true, true];
      uploads.list = [...uploads.list, upload];
      void this.#takeOver(upload);
    }
  }

  /** Sends a file again that failed, after the others. */
  retry(upload: Upload): void {
    if (upload.isElsewhere) {
      this.#pages.ask({ referenceId: upload.referenceId, wish: "retry" });
      return;
    }
    if (upload.obstacle === "lost") upload.reset();
    [upload.state, upload.obstacle] = ["waiting", null];
    uploads.list = [...uploads.list.filter((each) => each !== upload), upload];
    void keepProgress(upload);
    this.#startNext();
  }

  /** Ends an upload, and removes what the server has of it. Its caption goes with another file of its batch. */
  async cancel(upload: Upload): Promise<void> {
    if (upload.isElsewhere) this.#pages.ask({ referenceId: upload.referenceId, wish: "cancel" });
    if (upload.isElsewhere || upload.state === "posting" || upload.state === "done") return;
    const heir = uploads.list.findLast(
      (each) => each !== upload && each.wanted.batch === upload.wanted.batch && each.isGoing,
    );
    this.#forget(upload);
    if (heir && heir.caption === "" && heir.state !== "posting") {
      heir.caption = upload.caption;
      void keepProgress(heir);
    }
    await removeSent(upload);
  }

  #listen(): true {
    if (this.#isListening) return true;
    live.on((event) => {
      if (event.type === "message") this.#noteArrived(event.message.referenceId);
    });
    addEventListener("beforeunload", (event) => {
      const isLost = (each: Upload): boolean => each.isGoing && !each.isElsewhere && each.isKept !== true;
      if (uploads.list.some(isLost)) event.preventDefault();
    });
    addEventListener("pagehide", () => this.#leave());
    addEventListener("pageshow", ({ persisted }) => {
      if (persisted) void this.look();
    });
    return (this.#isListening = true);
  }

  /** Leaves what is kept to another page. Browsers may keep a page that was left, with its locks, and show it again. */
  #leave(): void {
    for (const upload of uploads.list.filter((each) => each.isKept === true)) {
      uploads.list = uploads.list.filter((each) => each !== upload);
      upload.stop.abort();
      this.#pages.release(upload.referenceId);
    }
    this.#hasLooked = false;
  }

  async #keepAll(added: Upload[]): Promise<void> {
    for (const upload of added) {
      await this.#pages.take(upload.referenceId);
      const isKept = await keep(upload);
      if (uploads.list.includes(upload)) {
        upload.isKept = isKept;
        await keepProgress(upload); // it may have gone on meanwhile
      } else {
        await forget(upload.referenceId);
      }
    }
  }

  /** Sends a file that another page has sent until it was closed. */
  async #takeOver(upload: Upload): Promise<void> {
    await this.#pages.take(upload.referenceId);
    const kept = (await listKept().catch(() => [])).find((each) => each.referenceId === upload.referenceId);
    if (!kept || !uploads.list.includes(upload)) {
      this.#drop(upload);
      return;
    }
    upload.progress = kept.progress;
    upload.isElsewhere = false;
    this.#pages.tell(() => uploads.list);
    this.#startNext();
  }

  #note(news: News[]): void {
    for (const { referenceId, state, obstacle, sent, isStalled } of news) {
      const upload = uploads.list.find((each) => each.referenceId === referenceId && each.isElsewhere);
      if (upload) Object.assign(upload, { state, obstacle, sent, isStalled });
    }
  }

  /** Forgets a file whose message is in the room. The answer that says so may have been lost. */
  #noteArrived(referenceId: string): void {
    const arrived = uploads.list.find((each) => each.referenceId === referenceId);
    if (arrived) this.#forget(arrived);
  }

  #forget(upload: Upload): void {
    void forget(upload.referenceId);
    this.#drop(upload);
  }

  /** Lists a file no longer. */
  #drop(upload: Upload): void {
    upload.stop.abort();
    uploads.list = uploads.list.filter((each) => each !== upload);
    this.#pages.release(upload.referenceId);
    this.#wake();
    this.#startNext();
  }

  #startNext(): void {
    if (session.hasEnded) return;
    const own = uploads.list.filter((each) => !each.isElsewhere);
    const busy = own.filter((each) => each.state === "sending" || each.state === "posting").length;
    const next = own.filter((each) => each.state === "waiting").slice(0, Math.max(0, AT_ONCE - busy));
    for (const upload of next) {
      upload.state = "sending";
      void this.#send(upload);
    }
  }

  async #send(upload: Upload): Promise<void> {
    const { signal } = upload.stop;
    try {
      await persist(upload, () => getFolder(upload));
      await persist(upload, () => transfer(upload));
      void keepProgress(upload);
      await this.#turnOf(upload);
      upload.state = "posting";
      await persist(upload, () => post(upload));
      upload.state = "done";
      void forget(upload.referenceId);
      setTimeout(() => this.#drop(upload), LINGER);
    } catch (error) {
      if (!signal.aborted) await this.#fail(upload, error);
    } finally {
      this.#wake();
      this.#startNext();
    }
  }

  /** Shows why a file was not sent. It is given up if its room is gone, and sent later after a new login. */
  async #fail(upload: Upload, error: unknown): Promise<void> {
    const obstacle = obstacleIn(error);
    const { token, file } = upload.wanted;
    if (obstacle === "lost" && !(await isRoomThere(token))) {
      toasts.show(t("files.given-up", { name: file.name }));
      this.#forget(upload);
      await removeSent(upload);
      return;
    }
    [upload.state, upload.obstacle] = ["failed", obstacle];
    if (error instanceof Refused && error.status === 401) {
      await session.check(); // it tells the page that the login has ended
      return;
    }
    void keepProgress(upload);
    const { place } = router;
    if (place.view !== "room" || place.token !== token)
      toasts.show(t("files.failed", { name: file.name, reason: t(`files.obstacle.${obstacle}`) }));
  }

  /** Waits until the room shows the files that were chosen before, or they have failed. */
  async #turnOf(upload: Upload): Promise<void> {
    const isBefore = (each: Upload): boolean =>
      each.wanted.token === upload.wanted.token && each.isGoing && !each.isElsewhere;
    for (;;) {
      upload.stop.signal.throwIfAborted();
      const place = uploads.list.indexOf(upload);
      if (!uploads.list.slice(0, place).some(isBefore)) return;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function obstacleIn(error: unknown): Obstacle {
  if (error instanceof Unreadable) return "unreadable";
  if (!(error instanceof Refused)) {
    console.error(error);
    return "other";
  }
  return OBSTACLES[error.status] ?? "other";
}

export const queue = new Queue();
