/**
 * Files on their way, as the browser keeps them until the server shows them: over a reload, and over a crash. All pages
 * of a user share them.
 */

import { clear, createStore, delMany, entries, promisifyRequest, setMany, type UseStore } from "idb-keyval";
import { session } from "../core/session.svelte";
import { mark } from "./resume";
import type { Progress, Upload, Wanted } from "./uploads.svelte";

/** Bytes of one file, and of all together, that are kept. The browser copies them to its own folder. */
const MOST = 200_000_000;
const MOST_OF_ALL = 500_000_000;

/** Milliseconds after which a file is not sent without being asked for once more. */
const LATE = 24 * 60 * 60_000;

export interface Kept {
  referenceId: string;
  wanted: Wanted;
  progress: Progress;
}

interface Details {
  wanted: Omit<Wanted, "file">;
  progress: Progress;
  size: number;
  /** Milliseconds. No two files have the same. */
  createdAt: number;
}

let store: UseStore | undefined;
let newest = 0;

function storeHere(): UseStore {
  store ??= createStore(session.keyOf("uploads"), "files");
  return store;
}

/** Keeps a file. Returns false if it is too large or the browser cannot. */
export async function keep({ referenceId, wanted, progress }: Upload): Promise<boolean> {
  const { file, ...more } = wanted;
  newest = Math.max(Date.now(), newest + 1);
  const createdAt = newest;
  try {
    const others = (await read()).filter(([key]) => key !== referenceId);
    const used = others.reduce((total, [, { size }]) => total + size, 0);
    if (!session.me || file.size > MOST || used + file.size > MOST_OF_ALL) return false;
    const details: Details = { wanted: more, progress, size: file.size, createdAt };
    await setMany(
      [
        [referenceId, details],
        [fileKey(referenceId), file],
      ],
      storeHere(),
    );
    mark(referenceId);
    return true;
  } catch {
    return false; // private windows of some browsers keep nothing, and there may be no space
  }
}

/** Keeps what the server has now of a file. Nothing happens if it is not kept, for example after a logout. */
export async function keepProgress({ referenceId, progress }: Upload): Promise<void> {
  const copy = structuredClone(progress);
  await storeHere()("readwrite", (files) => {
    const asked = files.get(referenceId) as IDBRequest<Details | undefined>;
    asked.onsuccess = () => {
      if (asked.result) files.put({ ...asked.result, progress: copy }, referenceId);
    };
    return promisifyRequest(files.transaction);
  }).catch(() => undefined);
}

/** Returns the files that are kept, oldest first. */
export async function listKept(): Promise<Kept[]> {
  const files = new Map((await entries<string, unknown>(storeHere())).filter(([, value]) => value instanceof File));
  const found = (await read()).sort(([, a], [, b]) => a.createdAt - b.createdAt);
  return found.flatMap(([referenceId, { wanted, progress, createdAt }]) => {
    const file = files.get(fileKey(referenceId));
    if (!(file instanceof File)) return [];
    const isLate = progress.obstacle === null && Date.now() - createdAt > LATE;
    const current: Progress = isLate ? { ...progress, obstacle: "late" } : progress;
    return { referenceId, wanted: { ...wanted, file }, progress: current };
  });
}

/** Forgets a file, because it was sent or is no longer wanted. */
export async function forget(referenceId: string): Promise<void> {
  await delMany([referenceId, fileKey(referenceId)], storeHere()).catch(() => undefined);
  mark((await read().catch(() => [])).length > 0 ? `-${referenceId}` : "");
}

/** Forgets all files of the user. */
export async function forgetAll(): Promise<void> {
  await clear(storeHere()).catch(() => undefined);
  mark("");
}

async function read(): Promise<[string, Details][]> {
  const found = await entries<string, Details | File>(storeHere());
  return found.filter((each): each is [string, Details] => !(each[1] instanceof File));
}

function fileKey(referenceId: string): string {
  return `${referenceId}.file`;
}
