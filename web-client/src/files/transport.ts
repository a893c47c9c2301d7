/** Requests that tell how much of their body was sent, which `fetch` does not. */

import { Refused, ROOT } from "../core/api";

interface Given {
  headers?: Record<string, string>;
  body?: Blob;
  signal?: AbortSignal;
  onprogress?: (bytes: number) => void;
}

/** Milliseconds without progress after which a connection counts as lost. */
const PATIENCE = 45_000;

/** Sends a request to a path of this server, and returns the headers of the answer. Throws `Refused`. */
export function send(method: string, path: string, given: Given = {}): Promise<(name: string) => string> {
  const { headers = {}, body, signal, onprogress } = given;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const request = new XMLHttpRequest();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const isAlive = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), PATIENCE);
    };
    const cancel = (): void => request.abort();
    request.open(method, ROOT + path);
    request.setRequestHeader("OCS-APIRequest", "true");
    request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (body) {
      request.upload.onloadstart = isAlive;
      request.upload.onprogress = ({ loaded }) => {
        isAlive();
        onprogress?.(loaded);
      };
      request.upload.onloadend = () => clearTimeout(timer); // the server may need long for its answer
    }
    request.onloadend = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      if (signal?.aborted) reject(signal.reason as Error);
      else if (request.status === 0) reject(new Refused(0, "offline"));
      else if (request.status >= 400)
        reject(new Refused(request.status, "", Number(request.getResponseHeader("Retry-After") ?? 0)));
      else resolve((name) => request.getResponseHeader(name) ?? "");
    };
    signal?.addEventListener("abort", cancel);
    request.send(body ?? null);
  });
}
