/** Requests to the server's public API, checked against its OpenAPI document (`npm run types:api`). */

import type { components, paths } from "./api-types";

type Schemas = components["schemas"];
export type Room = Schemas["RoomView"];
export type Message = Schemas["MessageView"];
export type Participant = Schemas["ParticipantView"];
export type Ban = Schemas["BanView"];
export type Poll = Schemas["PollView"];
export type Reminder = Schemas["UpcomingView"];
export type PollDraft = Schemas["DraftView"];

/** The path in the address of the server: empty, or for example `/talk`. */
export const ROOT = document.documentElement.dataset["root"] ?? "";

/** A request that the server refused, or that did not reach it. */
export class Refused extends Error {
  constructor(
    /** The HTTP status, or 0 if the server could not be reached. */
    readonly status: number,
    /** The API's word for the reason, such as `permissions`, or an empty text. */
    readonly reason: string,
    /** The seconds to wait after too many requests, or 0. */
    readonly retryAfter = 0,
    /** A sentence about the reason, in English, or an empty text. */
    readonly detail = "",
    /** What else the answer says. */
    readonly data?: unknown,
  ) {
    super(reason === "" ? `The server answered ${status}` : `The server answered ${status}: ${reason}`);
  }

  /** Whether the same request may succeed when the connection or the server is back. */
  get isOffline(): boolean {
    return [0, 502, 503, 504].includes(this.status);
  }
}

let onUnauthorized = (): void => undefined;

/** Calls the function when the server no longer knows the caller. */
export function whenUnauthorized(listener: () => void): void {
  onUnauthorized = listener;
}

type Method = "get" | "post" | "put" | "delete";
type Sub<Prefix extends string> = keyof paths extends infer Path
  ? Path extends `${Prefix}${infer Rest}`
    ? Rest
    : never
  : never;
type Op<Prefix extends string, Path extends string, M extends Method> = `${Prefix}${Path}` extends keyof paths
  ? NonNullable<paths[`${Prefix}${Path}`][M]>
  : never;
type Part<Op, Name extends string> = Op extends { parameters: Partial<Record<Name, infer Value>> }
  ? NonNullable<Value>
  : never;
type Body<Op> = Op extends { requestBody?: { content: { "application/json": infer Json } } }
  ? Json
  : Op extends { requestBody?: { content: { "multipart/form-data": unknown } } }
    ? FormData
    : never;
type Data<Op> = Op extends { responses: { "2XX": { content: { "application/json": { ocs: { data: infer Json } } } } } }
  ? Json
  : unknown;

// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- the type that every object with optional fields extends
type Nothing = {};
type IfNeeded<Name extends string, Value> = [Value] extends [never]
  ? unknown
  : Nothing extends Value
    ? { [N in Name]?: Value }
    : { [N in Name]: Value };
type Input<Op> = IfNeeded<"path", { [Name in keyof Part<Op, "path">]: string | number }> &
  IfNeeded<"query", Part<Op, "query">> &
  IfNeeded<"body", Body<Op>> &
  Options;

interface Options {
  signal?: AbortSignal;
  /** Whether the request is sent even if the page is closed meanwhile. */
  keepalive?: boolean;
  /** The user's name and password, for operations that ask for them again. */
  authorization?: string;
  headers?: Record<string, string>;
}

/** The data of an answer with its headers. The data of an answer without a body, such as 304, is `undefined`. */
export interface Answer<Json> {
  data: Json;
  status: number;
  headers: Headers;
}

interface Envelope {
  ocs?: { data?: unknown; meta?: { message?: string | null } };
}
type Given = { path?: Record<string, unknown>; query?: object; body?: unknown } & Options;

/** The operations below a path. `Path` is written as in the OpenAPI document, without the prefix. */
class Api<Prefix extends string> {
  constructor(private readonly prefix: Prefix) {}

  async get<Path extends Sub<Prefix>>(
    path: Path,
    input: Input<Op<Prefix, Path, "get">>,
  ): Promise<Data<Op<Prefix, Path, "get">>> {
    return (await ask<Data<Op<Prefix, Path, "get">>>("GET", this.prefix, path, input)).data;
  }

  /** As `get`, with the status and headers. */
  getAnswer<Path extends Sub<Prefix>>(
    path: Path,
    input: Input<Op<Prefix, Path, "get">>,
  ): Promise<Answer<Data<Op<Prefix, Path, "get">>>> {
    return ask("GET", this.prefix, path, input as Given);
  }

  async post<Path extends Sub<Prefix>>(
    path: Path,
    input: Input<Op<Prefix, Path, "post">>,
  ): Promise<Data<Op<Prefix, Path, "post">>> {
    return (await ask<Data<Op<Prefix, Path, "post">>>("POST", this.prefix, path, input)).data;
  }

  async put<Path extends Sub<Prefix>>(
    path: Path,
    input: Input<Op<Prefix, Path, "put">>,
  ): Promise<Data<Op<Prefix, Path, "put">>> {
    return (await ask<Data<Op<Prefix, Path, "put">>>("PUT", this.prefix, path, input)).data;
  }

  async delete<Path extends Sub<Prefix>>(
    path: Path,
    input: Input<Op<Prefix, Path, "delete">>,
  ): Promise<Data<Op<Prefix, Path, "delete">>> {
    return (await ask<Data<Op<Prefix, Path, "delete">>>("DELETE", this.prefix, path, input)).data;
  }
}

/** The operations of conversations and calls. */
export const talk = new Api("/ocs/v2.php/apps/spreed/api/");
/** The other operations: accounts, notifications, search. */
export const ocs = new Api("/ocs/v2.php/");

async function ask<Json>(method: string, prefix: string, template: string, input: Given): Promise<Answer<Json>> {
  const path =
    prefix + template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(input.path?.[name])));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (Array.isArray(value)) for (const each of value) query.append(`${name}[]`, String(each));
    else if (value !== undefined && value !== null) query.append(name, String(value));
  }
  const headers: Record<string, string> = {
    "OCS-APIRequest": "true",
    "X-Requested-With": "XMLHttpRequest", // without it, the browser answers 401 with a dialog of its own
    Accept: "application/json",
    ...input.headers,
  };
  if (input.body !== undefined && !(input.body instanceof FormData)) headers["Content-Type"] = "application/json";
  if (input.authorization !== undefined) headers["Authorization"] = input.authorization;
  let response: Response;
  try {
    response = await fetch(`${ROOT}${path}${query.size ? `?${query}` : ""}`, {
      method,
      headers,
      body: input.body === undefined ? null : input.body instanceof FormData ? input.body : JSON.stringify(input.body),
      signal: input.signal ?? null,
      keepalive: input.keepalive ?? false,
    });
  } catch (error) {
    if (input.signal?.aborted) throw error;
    throw new Refused(0, "offline");
  }
  const body = (await response.json().catch(() => undefined)) as Envelope | undefined;
  if (response.status === 401 && input.authorization === undefined) onUnauthorized();
  if (!response.ok && response.status !== 304) {
    const wait = Number(response.headers.get("Retry-After") ?? 0);
    const data = body?.ocs?.data;
    throw new Refused(response.status, reasonOf(data), wait, body?.ocs?.meta?.message ?? "", data);
  }
  return { data: body?.ocs?.data as Json, status: response.status, headers: response.headers };
}

function reasonOf(data: unknown): string {
  const error: unknown = typeof data === "object" && data !== null && "error" in data ? data.error : "";
  return typeof error === "string" ? error : "";
}
