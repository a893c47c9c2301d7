/** The signaling protocol over WebSocket (docs/api/signaling.md): saying hello, resuming, and answers to requests. */

import type { CallUser } from "./line.svelte";
import type { Message } from "./api";

const HELLO_PATIENCE = 8000;
const REQUEST_PATIENCE = 10_000;

export interface SignalingSettings {
  server: string;
  /** Proofs of who the client is, by the version of the hello; `internal` for a part of the installation. */
  helloAuthParams: Record<string, unknown>;
}

/** A person or device in a room, as the signaling lists it. */
export interface RoomSession {
  sessionid: string;
  roomsessionid?: string;
  userid?: string;
  user?: { displayname?: string };
  features?: string[];
}

interface RoomNews {
  roomid: string;
  properties?: Record<string, unknown>;
  users?: CallUser[];
  all?: boolean;
  incall?: number;
  data?: { type: string; chat?: { comment?: Message; refresh?: boolean } };
  reason?: string;
}

/** The events of the server that the client uses. */
export interface SocketEvent {
  target: "room" | "participants" | "roomlist";
  type: string;
  join?: RoomSession[];
  leave?: string[];
  message?: RoomNews;
  update?: RoomNews;
  invite?: RoomNews;
  disinvite?: RoomNews;
  switchto?: RoomNews;
  /** What a telephone tells: whether it is muted, speaks or listens. */
  flags?: { sessionid: string; flags: number };
}

/** A message of the server. */
export interface Frame {
  id?: string;
  type: string;
  welcome?: { features?: string[] };
  hello?: { sessionid: string; resumeid: string; server?: { features?: string[] } };
  room?: { roomid: string; properties?: Record<string, unknown> };
  error?: { code: string; message: string };
  event?: SocketEvent;
  message?: { sender: { sessionid: string; userid?: string }; data: unknown };
  control?: { sender: { sessionid: string }; data: unknown };
  bye?: { reason?: string };
}

/** What the owner of a socket is told. */
export interface SocketOwner {
  /** The session is there. `isResumed` is false if events may have been missed. */
  ready(isResumed: boolean): void;
  receive(frame: Frame): void;
  /** The connection is lost. `wasReady` is false if it never came so far. */
  lost(wasReady: boolean): void;
}

export class SignalingError extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

/** One signaling session over any number of connections, one after the other. */
export class Socket {
  sessionId = "";
  features: ReadonlySet<string> = new Set();
  #resumeId = "";
  #socket: WebSocket | null = null;
  #isReady = false;
  #number = 0;
  /** What was sent while the connection was lost. A resumed session sends it; a new one begins afresh. */
  #unsent: object[] = [];
  #waiting = new Map<string, { resolve: (frame: Frame) => void; reject: (error: Error) => void }>();

  constructor(
    private readonly owner: SocketOwner,
    private readonly settings: () => Promise<SignalingSettings>,
    private readonly backend: string,
  ) {}

  /** Connects, and resumes the session of the connection before if there was one. */
  async connect(): Promise<void> {
    const settings = await this.settings();
    const socket = new WebSocket(`${settings.server.replace(/^http/, "ws").replace(/\/$/, "")}/spreed`);
    this.#socket = socket;
    const timer = setTimeout(() => socket.close(), HELLO_PATIENCE);
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data as string) as Frame;
      if (frame.type === "welcome") this.#sayHello(settings);
      else if (frame.type === "hello") clearTimeout(timer);
      this.#receive(frame);
    };
    socket.onclose = () => {
      clearTimeout(timer);
      this.#end(socket);
    };
  }

  #sayHello({ helloAuthParams }: SignalingSettings): void {
    const who = helloAuthParams["internal"]
      ? { auth: { type: "internal", params: helloAuthParams["internal"] }, features: ["internal-incall"] }
      : { auth: { url: this.backend, params: helloAuthParams["2.0"] }, features: ["chat-relay", "room-news"] };
    const hello = this.#resumeId === "" ? who : { resumeid: this.#resumeId };
    this.#write({ id: "hello", type: "hello", hello: { version: "2.0", ...hello } });
  }

  #receive(frame: Frame): void {
    if (frame.type === "hello" && frame.hello) {
      const isResumed = this.sessionId === frame.hello.sessionid;
      this.sessionId = frame.hello.sessionid;
      this.#resumeId = frame.hello.resumeid;
      this.features = new Set(frame.hello.server?.features);
      this.#isReady = true;
      for (const each of this.#unsent.splice(0)) if (isResumed) this.#write(each);
      this.owner.ready(isResumed);
    } else if (frame.type === "error" && frame.id === "hello") {
      this.#resumeId = ""; // the session is over: the next connection makes a new one
      this.#socket?.close();
    } else if (frame.type === "bye") {
      this.#resumeId = "";
      this.#socket?.close();
    }
    const request = frame.id === undefined ? undefined : this.#waiting.get(frame.id);
    if (request) {
      this.#waiting.delete(frame.id ?? "");
      if (frame.type === "error") request.reject(new SignalingError(frame.error?.code ?? "unknown"));
      else request.resolve(frame);
    }
    this.owner.receive(frame);
  }

  #end(socket: WebSocket): void {
    if (this.#socket !== socket) return;
    const wasReady = this.#isReady;
    this.#socket = null;
    this.#isReady = false;
    for (const { reject } of this.#waiting.values()) reject(new SignalingError("connection_lost"));
    this.#waiting.clear();
    this.owner.lost(wasReady);
  }

  get isOpen(): boolean {
    return this.#socket !== null;
  }

  /** Whether the session is there and its connection is not closing. */
  get #canSend(): boolean {
    return this.#isReady && this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Sends a message that has no answer. Without a connection it is sent as soon as the session is resumed. */
  send(type: string, content: unknown): void {
    const frame = { type, [type]: content };
    if (this.#canSend) this.#write(frame);
    else if (this.#resumeId !== "") this.#unsent.push(frame);
  }

  /** Sends a request and returns its answer. Throws `SignalingError`. */
  async request(type: string, content: unknown): Promise<Frame> {
    if (!this.#canSend) throw new SignalingError("connection_lost");
    const id = String(++this.#number);
    const answer = new Promise<Frame>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    const timer = setTimeout(() => {
      this.#waiting.get(id)?.reject(new SignalingError("timeout"));
      this.#waiting.delete(id);
    }, REQUEST_PATIENCE);
    this.#write({ id, type, [type]: content });
    return answer.finally(() => clearTimeout(timer));
  }

  /** Ends the session for good. */
  close(): void {
    this.send("bye", {});
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /** Drops the connection, for example after the network has changed. `lost` follows. */
  drop(): void {
    this.#socket?.close();
  }

  #write(frame: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }
}
