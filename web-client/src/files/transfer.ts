/** Brings the bytes of a file to the server. What the server has already is not sent again. */

import { Refused, ROOT } from "../core/api";
import { session } from "../core/session.svelte";
import { keepProgress } from "./kept";
import { send } from "./transport";
import type { Upload } from "./uploads.svelte";

export const PIECE = 10_000_000; // bytes
const AT_ONCE = 3;
const MOST_RESTARTS = 2;
const WHOLE = 0; // the number of the only piece of a small file

/** The file on the disk was changed or removed since it was chosen. */
export class Unreadable extends Error {}

/** Sends what the server lacks of a file. Throws `Unreadable`, or `Refused` and can be called again then. */
export async function transfer(upload: Upload): Promise<void> {
  if (upload.isStored) return;
  const { file } = upload.wanted;
  try {
    if (file.size <= PIECE) await sendPiece(upload, WHOLE, file, filePath(upload));
    else await transferPieces(upload);
  } catch (error) {
    if (error instanceof Refused && error.isOffline) await requireReadable(file);
    throw error;
  }
  upload.isStored = true;
}

async function transferPieces(upload: Upload): Promise<void> {
  for (let restart = 0; ; restart++) {
    try {
      await sendPieces(upload);
      await join(upload);
      return;
    } catch (error) {
      const isForgotten = error instanceof Refused && (error.status === 404 || error.status === 409);
      if (!isForgotten || restart === MOST_RESTARTS) throw error;
      if (await isThere(upload)) return; // the answer to an earlier request was lost
      const { folder } = upload;
      upload.reset();
      upload.folder = folder;
    }
  }
}

/** Removes what the server has of a file that is no longer wanted. */
export async function removeSent(upload: Upload): Promise<void> {
  if (upload.piecesFolder !== "") await send("DELETE", upload.piecesFolder).catch(() => undefined);
  if (upload.isStored) await send("DELETE", filePath(upload)).catch(() => undefined);
}

/** Returns where a file is until the room shows it: below the folder of the account. */
export function draftPath(upload: Upload): string {
  return `${upload.folder}/${upload.referenceId.slice(0, 32)}-${upload.finalName}`;
}

function filePath(upload: Upload): string {
  return (
    encodeURI(`/remote.php/dav/files/${userId()}/`) + draftPath(upload).split("/").map(encodeURIComponent).join("/")
  );
}

function userId(): string {
  return encodeURIComponent(session.me?.id ?? "");
}

function target(upload: Upload): Record<string, string> {
  return { Destination: location.origin + ROOT + filePath(upload), "OC-Total-Length": String(upload.wanted.file.size) };
}

async function sendPieces(upload: Upload): Promise<void> {
  const { file } = upload.wanted;
  const { signal } = upload.stop;
  if (upload.piecesFolder === "") {
    const name = `web-file-upload-${upload.referenceId.slice(-16)}`;
    const folder = `/remote.php/dav/uploads/${userId()}/${name}`;
    await send("MKCOL", folder, { headers: target(upload), signal }).catch(acceptExisting);
    upload.piecesFolder = folder;
  }
  const missing: number[] = [];
  for (let number = 1; (number - 1) * PIECE < file.size; number++) if (!upload.pieces.has(number)) missing.push(number);
  let failure: unknown;
  const work = async (): Promise<void> => {
    for (let number = missing.shift(); number !== undefined && failure === undefined; number = missing.shift()) {
      const piece = file.slice((number - 1) * PIECE, number * PIECE);
      await sendPiece(upload, number, piece, `${upload.piecesFolder}/${number}`).catch((error: unknown) => {
        failure ??= error;
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (failure !== undefined) throw failure as Error;
}

async function sendPiece(upload: Upload, number: number, body: Blob, path: string): Promise<void> {
  const { signal } = upload.stop;
  const headers = number === WHOLE ? { "Content-Type": "application/octet-stream" } : target(upload);
  try {
    const onprogress = (bytes: number): void => upload.note(number, bytes, false);
    await send("PUT", path, { headers, body, signal, onprogress });
    upload.note(number, body.size, true);
    if (upload.isKept && number !== WHOLE) void keepProgress(upload);
  } catch (error) {
    upload.note(number, 0, false);
    throw error;
  }
}

/** Throws `Unreadable` if that is why nothing could be sent: browsers call both a lost connection. */
async function requireReadable(body: Blob): Promise<void> {
  try {
    await body.slice(0, 1).arrayBuffer();
  } catch {
    throw new Unreadable();
  }
}

/** Lets the server make one file of the pieces. */
async function join(upload: Upload): Promise<void> {
  await send("MOVE", `${upload.piecesFolder}/.file`, { headers: target(upload), signal: upload.stop.signal });
  upload.piecesFolder = "";
}

async function isThere(upload: Upload): Promise<boolean> {
  try {
    const header = await send("HEAD", filePath(upload), { signal: upload.stop.signal });
    return Number(header("Content-Length")) === upload.wanted.file.size;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return false;
    throw error;
  }
}

function acceptExisting(error: unknown): void {
  if (!(error instanceof Refused) || error.status !== 405) throw error;
}
