/** Files that are on their way to rooms, in the order in which they will appear there. */

/**
 * What stopped an upload: the file is too large, there is no space, the server refused it, the server no longer has
 * it, the file on the disk was changed or removed, it waited for too long, or something else.
 */
export type Obstacle = "size" | "space" | "refused" | "lost" | "unreadable" | "late" | "other";

/** What is sent with a file. */
export interface Wanted {
  token: string;
  file: File;
  /** The files that were chosen together. The last one has the caption. */
  batch: string;
  caption: string;
  replyTo: number;
  isSilent: boolean;
  isVoice: boolean;
}

/** What the server has of a file, and what stopped it. It is kept over a reload. */
export interface Progress {
  caption: string;
  obstacle: Obstacle | null;
  /** The folder of the room in which files wait until they are shown, and the name that the file will have. */
  folder: string;
  finalName: string;
  /** Whether the server has all of the file. */
  isStored: boolean;
  /** Where the server keeps the pieces of a large file, or an empty text. */
  piecesFolder: string;
  /** The pieces that the server has, by number, with their bytes. */
  pieces: Map<number, number>;
}

/** A file with what the server has of it. */
export class Upload implements Progress {
  /** `posting`: the server has the file, and is told to show it. `done`: it does. */
  state = $state<"waiting" | "sending" | "posting" | "done" | "failed">("waiting");
  obstacle = $state<Obstacle | null>(null);
  /** Whether it waits for the connection. */
  isStalled = $state(false);
  /** Bytes that the server has, or will have when the running requests end. */
  sent = $state(0);
  /** Whether it goes on after a reload of the page, or null as long as that is not known. */
  isKept = $state<boolean | null>(null);
  /** Whether another page of this browser sends it. */
  isElsewhere = $state(false);
  caption = $state("");
  stop = new AbortController();
  folder = "";
  finalName = "";
  isStored = false;
  piecesFolder = "";
  pieces = new Map<number, number>();
  readonly #running = new Map<number, number>();

  constructor(
    readonly referenceId: string,
    readonly wanted: Wanted,
  ) {
    this.caption = wanted.caption;
  }

  /** Whether the upload goes on without a reader. */
  get isGoing(): boolean {
    return this.state === "waiting" || this.state === "sending" || this.state === "posting";
  }

  /** Notes how many bytes of a piece are on the server: all, or those of a running request, or none after it failed. */
  note(piece: number, bytes: number, isWhole: boolean): void {
    if (isWhole) this.pieces.set(piece, bytes);
    if (isWhole || bytes === 0) this.#running.delete(piece);
    else this.#running.set(piece, bytes);
    this.sent = sum(this.pieces.values()) + sum(this.#running.values());
  }

  /** Forgets what the server has, because it has it no more. */
  reset(): void {
    this.pieces.clear();
    this.#running.clear();
    [this.piecesFolder, this.folder, this.sent, this.isStored] = ["", "", 0, false];
  }

  get progress(): Progress {
    const { caption, obstacle, folder, finalName, isStored, piecesFolder, pieces } = this;
    return { caption, obstacle, folder, finalName, isStored, piecesFolder, pieces };
  }

  /** Goes on from what was kept. */
  set progress(kept: Progress) {
    Object.assign(this, kept);
    this.state = kept.obstacle === null ? "waiting" : "failed";
    this.sent = sum(kept.pieces.values());
  }
}

class Uploads {
  list = $state.raw<Upload[]>([]);
}

export const uploads = new Uploads();

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const each of numbers) total += each;
  return total;
}
