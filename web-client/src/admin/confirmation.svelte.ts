/** Operations that the server allows only after the administrator's password was sent again. */

import { Refused } from "../core/api";
import { session } from "../core/session.svelte";

const DEMAND = "Password confirmation is required";
/** What to add to the request: the password, or nothing. */
export type Proof = { authorization?: string };
interface Question {
  wasWrong: boolean;
  answer: (password: string | null) => void;
}

/** The administrator closed the dialog that asks for the password. */
export class NotConfirmed extends Error {}

class Confirmation {
  /** The question that the dialog shows, or null. */
  question = $state.raw<Question | null>(null);

  /** Runs an operation. If the server demands the password, asks for it and runs the operation again. */
  async run<T>(operation: (proof: Proof) => Promise<T>): Promise<T> {
    let proof: Proof = {};
    for (;;) {
      try {
        return await operation(proof);
      } catch (error) {
        const wasWrong = proof.authorization !== undefined && error instanceof Refused && error.status === 401;
        if (!wasWrong && !isDemanded(error)) throw error;
        const password = await this.#ask(wasWrong);
        if (password === null) throw new NotConfirmed();
        proof = { authorization: basic(session.me?.id ?? "", password) };
      }
    }
  }

  #ask(wasWrong: boolean): Promise<string | null> {
    return new Promise((resolve) => {
      const answer = (password: string | null): void => {
        this.question = null;
        resolve(password);
      };
      this.question = { wasWrong, answer };
    });
  }
}

function isDemanded(error: unknown): boolean {
  return error instanceof Refused && error.status === 403 && error.detail.startsWith(DEMAND);
}

/** Returns the header `Authorization` for a name and password with any characters. */
export function basic(name: string, password: string): string {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

export const confirmation = new Confirmation();
