/** The wave forms of voice messages. Each is computed once. */

import { addressOf, type SharedFile } from "../file";
import { decode, listPeaks } from "./wav";

export const BARS = 44;
/** Bytes up to which a message is decoded when it is seen: about two minutes. Longer ones are when they are played. */
export const SMALL = 4_000_000;
const ROUGH = 8000; // samples a second

const known = new Map<string, Promise<number[]>>();

/** Returns the loudness of the parts of a voice message. An empty list: the browser cannot tell. */
export function getPeaks(file: SharedFile): Promise<number[]> {
  const found = known.get(file.id) ?? compute(file);
  known.set(file.id, found);
  return found;
}

async function compute(file: SharedFile): Promise<number[]> {
  try {
    const answer = await fetch(addressOf(file));
    if (!answer.ok) throw new Error(`The server answered ${answer.status}`);
    return listPeaks(await decode(await answer.arrayBuffer(), ROUGH), BARS);
  } catch {
    known.delete(file.id);
    return [];
  }
}
