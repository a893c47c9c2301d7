/** The polls that were shown, as far as the reader may see them. */

import { SvelteMap } from "svelte/reactivity";
import { talk, type Message, type Poll } from "../../core/api";
import { live } from "../../core/live.svelte";
import { parametersOf } from "../markdown";

export const PollStatus = { open: 0, closed: 1, draft: 2 } as const;
export const ResultMode = { public: 0, hidden: 1 } as const;

class Polls {
  byId = new SvelteMap<number, Poll>();

  /** Reads a poll now, and whenever somebody votes or it ends, until the returned function is called. */
  follow(token: string, pollId: number): () => void {
    const read = (): void =>
      void talk.get("v1/poll/{token}/{pollId}", { path: { token, pollId } }).then(
        (poll) => this.byId.set(pollId, poll),
        () => undefined, // it is read again when it is shown again
      );
    read();
    return live.on((event) => {
      if (event.type === "missed" || (event.type === "message" && isAbout(event.message, pollId))) read();
    });
  }

  async vote(token: string, pollId: number, optionIds: number[]): Promise<void> {
    this.byId.set(
      pollId,
      await talk.post("v1/poll/{token}/{pollId}", { path: { token, pollId }, body: { optionIds } }),
    );
  }

  async end(token: string, pollId: number): Promise<void> {
    this.byId.set(pollId, await talk.delete("v1/poll/{token}/{pollId}", { path: { token, pollId } }));
  }
}

function isAbout(message: Message, pollId: number): boolean {
  return parametersOf(message)["poll"]?.id === String(pollId);
}

/** Returns how many voted for an option, or null if the reader may not know it. */
export function votesFor(poll: Poll, option: number): number | null {
  if (!Array.isArray(poll.votes)) return poll.votes[`option-${option}`] ?? 0;
  return poll.status === PollStatus.closed ? 0 : null;
}

/** Returns the part of the voters who chose an option, from 0 to 1. */
export function shareOf(poll: Poll, option: number): number {
  return poll.numVoters === 0 ? 0 : (votesFor(poll, option) ?? 0) / poll.numVoters;
}

export const polls = new Polls();
