"use strict";

// A participant of calls that behaves as Talk's web client does. Tests run it in pages of talkd.

/** @typedef {{sessionId: string, inCall: number, actorId: string}} User a session in the list of a room */
/** @typedef {{type: string, roomType?: string, sid?: string, payload?: any}} Data what clients send to each other */

const MEDIA = 2 | 4; // the bits of `inCall` for audio and video
const FLUSH = 500; // milliseconds for which a polling client collects what it sends
const PATIENCE = 90_000; // milliseconds

/** Send a request to the API of Talk and return the data of the answer. */
async function ask(/** @type {string} */ method, /** @type {string} */ path, /** @type {any} */ params = undefined) {
  const headers = {
    Accept: "application/json",
    "Content-Type": "application/json",
    requesttoken: document.head.dataset.requesttoken ?? "",
  };
  const url = `/ocs/v2.php/apps/spreed/api/${path}`;
  const answer = await fetch(url, { method, headers, body: params && JSON.stringify(params) });
  if (!answer.ok) throw Object.assign(new Error(`${method} ${path}: ${answer.status}`), { status: answer.status });
  return (await answer.json()).ocs.data;
}

/** Wait until a condition is true. */
async function until(/** @type {() => any} */ condition) {
  for (const end = Date.now() + PATIENCE; !(await condition()); ) {
    if (Date.now() > end) throw new Error(`did not become true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Signaling over a socket. It resumes when the connection is lost, or begins a new session if it cannot. */
class Sockets {
  id = "";
  resumeId = "";
  usesGateway = false;
  isOnline = true;
  isReady = false;
  hasEnded = false;
  /** @type {string[]} */ pending = [];

  constructor(/** @type {Caller} */ caller, /** @type {any} */ settings) {
    this.caller = caller;
    this.settings = settings;
  }

  async open() {
    this.connect();
    await until(() => this.id);
  }

  async enter(/** @type {string} */ session) {
    this.session = session;
    this.room = "";
    this.tell("room", { roomid: this.caller.token, sessionid: session });
    await until(() => this.room === this.caller.token);
  }

  connect() {
    this.socket = new WebSocket(`${this.settings.server.replace(/^http/, "ws")}/spreed`);
    this.socket.onmessage = ({ data }) => this.receive(JSON.parse(data));
    this.socket.onclose = async () => {
      this.isReady = false;
      await until(() => this.isOnline);
      if (!this.hasEnded) this.connect();
    };
  }

  async greet() {
    if (this.id && !this.resumeId) this.settings = await this.caller.getSettings(); // the first token may have expired
    const auth = { url: `${location.origin}/ocs/v2.php/apps/spreed/api/v3/signaling/backend`, params: this.settings.helloAuthParams["2.0"] };
    this.tell("hello", { version: "2.0", ...(this.resumeId ? { resumeid: this.resumeId } : { auth, features: ["chat-relay"] }) });
  }

  /** Send a message, or keep it until the session is resumed. */
  tell(/** @type {string} */ type, /** @type {any} */ content) {
    const text = JSON.stringify({ type, [type]: content });
    if (this.isReady || type === "hello") this.socket?.send(text);
    else this.pending.push(text);
  }

  send(/** @type {string} */ to, /** @type {Data} */ data) {
    this.tell("message", { recipient: { type: "session", sessionid: to }, data: { to, ...data } });
  }

  receive(/** @type {any} */ message) {
    const { type } = message;
    if (type === "welcome") {
      this.greet();
    } else if (type === "hello") {
      const { sessionid, resumeid, server } = message.hello;
      this.caller.hellos.push(sessionid);
      const isAnew = this.id && this.id !== sessionid;
      Object.assign(this, { id: sessionid, resumeId: resumeid, usesGateway: server.features.includes("mcu"), isReady: true });
      const pending = this.pending.splice(0);
      if (isAnew) this.caller.begin();
      else for (const text of pending) this.socket?.send(text);
    } else if (type === "error" && message.error.code === "no_such_session") {
      this.resumeId = "";
      this.greet();
    } else if (type === "room") {
      this.room = message.room.roomid;
      if (!this.room) this.caller.end();
    } else if (type === "message") {
      this.caller.receive(message.message.sender.sessionid, message.message.data);
    } else if (type === "error") {
      this.caller.errors.push(message.error.code);
    } else if (type === "event") {
      this.note(message.event);
    }
  }

  note(/** @type {any} */ { target, type, ...event }) {
    if (target === "participants" && type === "update") {
      this.caller.list(event.update.all && !event.update.incall ? [] : event.update.users);
    } else if (target === "room" && type === "leave") {
      this.caller.list(this.caller.users.filter((user) => !event.leave.includes(user.sessionId)));
    } else if (target === "roomlist" && type === "disinvite" && event.disinvite.roomid === this.caller.token) {
      this.caller.end();
    }
  }

  close() {
    this.hasEnded = true;
    this.socket?.close();
  }
}

/** Signaling over long polls. */
class Polls {
  id = "";
  usesGateway = false;
  hasEnded = false;
  /** @type {any[]} */ pending = [];

  constructor(/** @type {Caller} */ caller) {
    this.caller = caller;
  }

  async open() {}

  async enter(/** @type {string} */ session) {
    this.id = session;
    this.poll();
    this.timer = setInterval(() => this.flush(), FLUSH);
  }

  async poll() {
    const path = `v3/signaling/${this.caller.token}`;
    try {
      while (!this.hasEnded) {
        for (const { type, data } of await ask("GET", path)) {
          if (type === "usersInRoom") this.caller.list(data);
          else {
            const content = JSON.parse(data);
            this.caller.receive(content.from, content);
          }
        }
      }
    } catch {
      this.caller.end(); // the session is over
    }
  }

  send(/** @type {string} */ to, /** @type {Data} */ data) {
    this.pending.push({ ev: "message", fn: JSON.stringify({ to, ...data }), sessionId: this.id });
  }

  flush() {
    const messages = JSON.stringify(this.pending.splice(0));
    if (messages !== "[]") ask("POST", `v3/signaling/${this.caller.token}`, { messages });
  }

  close() {
    this.hasEnded = true;
    clearInterval(this.timer);
  }
}

/** Write two more layers of the picture into an offer, as Talk's web client does: two more sources, in the group SIM. */
function withLayers(/** @type {RTCSessionDescriptionInit} */ { type, sdp }) {
  const sections = sdp.split(/^(?=m=)/m);
  const place = sections.findIndex((each) => each.startsWith("m=video"));
  const [, ...first] = /a=ssrc-group:FID (\d+) (\d+)/.exec(sections[place]); // the ids of the picture and of its repairs
  const layers = [0, 1, 2].map((layer) => first.map((id) => `${Number(id) + layer}`));
  for (const ids of layers.slice(1)) {
    const lines = sections[place].match(new RegExp(`a=ssrc:${first[0]} .*\r\n`, "g"));
    for (const id of ids) for (const line of lines) sections[place] += line.replace(first[0], id);
    sections[place] += `a=ssrc-group:FID ${ids.join(" ")}\r\n`;
  }
  sections[place] += `a=ssrc-group:SIM ${layers.map(([id]) => id).join(" ")}\r\n`;
  return { type, sdp: sections.join("") };
}

/** A media connection: to another session, or to a gateway, for the camera or the screen of a session. */
class Peer {
  constructor(/** @type {Caller} */ caller, /** @type {string} */ id, /** @type {string} */ kind, sid = `${Date.now()}`) {
    Object.assign(this, { caller, id, kind, sid });
    this.connection = new RTCPeerConnection({ iceServers: caller.iceServers });
    this.connection.ondatachannel = ({ channel }) => {
      channel.onmessage = ({ data }) => caller.statuses.push(JSON.parse(data));
    };
    this.connection.onicecandidate = ({ candidate }) => {
      if (!candidate) return this.send("endOfCandidates");
      const { sdpMid, sdpMLineIndex } = candidate;
      this.send("candidate", { candidate: { candidate: candidate.candidate, sdpMid, sdpMLineIndex } });
    };
  }

  send(/** @type {string} */ type, /** @type {any} */ payload = undefined) {
    this.caller.signaling.send(this.id, { type, roomType: this.kind, sid: this.sid, payload });
  }

  async describe(/** @type {MediaStream | undefined} */ stream = undefined, isLayered = false) {
    for (const track of stream?.getTracks() ?? []) this.connection.addTrack(track, stream);
    await this.connection.setLocalDescription(isLayered ? withLayers(await this.connection.createOffer()) : undefined);
    const { type, sdp } = this.connection.localDescription;
    this.send(type, { type, sdp, nick: "" });
  }

  /** Send a stream to the gateway, and with it a channel for what changes in it. */
  publish(/** @type {MediaStream} */ stream) {
    this.status = this.connection.createDataChannel("status");
    if (this.caller.writesLayers && this.kind === "video") return this.describe(stream, true);
    for (const track of stream.getTracks()) {
      const layers = track.kind === "video" && this.kind === "video" ? this.caller.layers : [];
      this.connection.addTransceiver(track, { direction: "sendonly", streams: [stream], sendEncodings: layers });
    }
    return this.describe();
  }

  async receive(/** @type {Data} */ { type, payload }) {
    if (type === "offer") {
      await this.connection.setRemoteDescription(payload);
      const { usesGateway } = this.caller.signaling;
      if (usesGateway && !this.channel) this.channel = this.connection.createDataChannel("status"); // else Janus sends no data
      await this.describe(this.kind === "video" && !usesGateway ? this.caller.camera : undefined);
    } else if (type === "answer") {
      await this.connection.setRemoteDescription(payload);
    } else if (type === "candidate") {
      await this.connection.addIceCandidate(payload.candidate);
    }
  }

  /** Return how many frames of the other session's picture were decoded. */
  async countFrames() {
    let frames = 0;
    for (const report of await this.list("inbound-rtp")) frames += report.framesDecoded;
    return frames;
  }

  /** Return the reports of this type about video. */
  async list(/** @type {string} */ type) {
    return [...(await this.connection.getStats()).values()].filter((each) => each.type === type && each.kind === "video");
  }
}

/** A participant: `enter` the room, then `call`. */
class Caller {
  /** @type {User[]} */ users = [];
  /** @type {Peer[]} */ peers = [];
  /** What others sent besides what sets up media. @type {Data[]} */ messages = [];
  /** @type {string[]} */ errors = [];
  /** The id in each hello. @type {string[]} */ hellos = [];
  /** What others sent over the channels of their streams. @type {any[]} */ statuses = [];
  /** The layers of the picture that a gateway gets. @type {RTCRtpEncodingParameters[]} */ layers = [];
  /** Whether it writes the layers of the picture into the offer itself. */
  writesLayers = false;
  video = { width: 160, height: 120, frameRate: 5 };
  /** The sessions whose streams the gateway was asked for. @type {Set<string>} */ asked = new Set();
  actor = "";
  endedAt = 0;

  /** Join the room. Clients that only know polls ignore that there are sockets. Returns the own actor id. */
  async enter(/** @type {string} */ token, /** @type {boolean} */ onlyPolls) {
    this.token = token;
    const settings = await this.getSettings();
    this.iceServers = [...settings.stunservers, ...settings.turnservers];
    const usesPolls = onlyPolls || settings.signalingMode === "internal";
    this.signaling = usesPolls ? new Polls(this) : new Sockets(this, settings);
    await this.signaling.open();
    const room = await ask("POST", `v4/room/${token}/participants/active`, {});
    await this.signaling.enter(room.sessionId);
    this.actor = room.actorId;
    return this.actor;
  }

  getSettings() {
    return ask("GET", `v3/signaling/settings?token=${this.token}`);
  }

  /** Join the call. Returns the milliseconds until a frame of each of these actors was decoded. */
  async call(/** @type {string[]} */ actors) {
    const began = performance.now();
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    this.camera = await navigator.mediaDevices.getUserMedia({ audio, video: this.video });
    await ask("POST", `v4/call/${this.token}`, { flags: 7 });
    await this.watch(actors, "video", 1);
    return performance.now() - began;
  }

  /** Begin anew with a new id: the server has ended the session. */
  async begin() {
    for (const peer of [...this.peers]) this.drop(peer);
    this.users = [];
    this.asked.clear();
    await this.signaling.enter(this.signaling.session);
    await ask("POST", `v4/call/${this.token}`, { flags: 7 });
  }

  async hangUp() {
    await ask("DELETE", `v4/call/${this.token}`);
    await until(() => !this.peers.length);
    for (const track of this.camera?.getTracks() ?? []) track.stop();
  }

  async shareScreen() {
    this.screen = await navigator.mediaDevices.getDisplayMedia();
    this.list(this.users);
  }

  /** Wait until so many more frames of each of these actors were decoded. */
  async watch(/** @type {string[]} */ actors, kind = "video", frames = 3) {
    const goals = new Map();
    await until(async () => {
      for (const actor of actors) {
        const count = (await this.peerOf(actor, kind)?.countFrames()) ?? 0;
        if (!goals.has(actor)) goals.set(actor, count + frames);
        if (count < goals.get(actor)) return false;
      }
      return true;
    });
  }

  /** Return the width of the picture that is received of an actor. */
  async see(/** @type {string} */ actor) {
    return (await this.peerOf(actor)?.list("inbound-rtp"))?.[0]?.frameWidth;
  }

  /** Let the gateway send another layer of an actor's picture. */
  choose(/** @type {string} */ actor, /** @type {{substream: number, temporal: number}} */ layer) {
    this.peerOf(actor)?.send("selectStream", layer);
  }

  peerOf(/** @type {string} */ actor, kind = "video") {
    return this.peers.find((each) => each.kind === kind && this.actorOf(each.id) === actor);
  }

  /** Let a participant mute, as moderators can. All in the call are told. */
  forceMute(/** @type {string} */ actor) {
    const peerId = this.users.find((user) => user.actorId === actor)?.sessionId;
    const others = new Set(this.peers.map((each) => each.id).filter((id) => id !== this.signaling.id));
    for (const id of others) this.signaling.send(id, { type: "control", payload: { action: "forceMute", peerId } });
  }

  actorOf(/** @type {string} */ id) {
    return this.users.find((user) => user.sessionId === id)?.actorId;
  }

  /** Take a new list of the sessions in the room: end connections to those who left, and offer media to newcomers. */
  list(/** @type {User[]} */ users) {
    this.users = users;
    const me = users.find((user) => user.sessionId === this.signaling.id);
    const others = me?.inCall ? users.filter((user) => user.inCall && user !== me) : [];
    const known = this.signaling.usesGateway && me?.inCall ? [me, ...others] : others;
    for (const peer of this.peers.filter((each) => known.every((user) => user.sessionId !== each.id))) this.drop(peer);
    if (this.signaling.usesGateway) return this.meet(others, me);
    for (const { sessionId, inCall } of others) {
      const isOurs = !(inCall & MEDIA) || sessionId < this.signaling.id;
      if (isOurs && !this.find(sessionId, "video")) this.add(sessionId, "video").describe(this.camera);
      if (this.screen && !this.find(sessionId, "screen")) this.add(sessionId, "screen").describe(this.screen);
    }
  }

  /** Send the own streams to the gateway, and ask it for those of others. */
  meet(/** @type {User[]} */ others, /** @type {User | undefined} */ me) {
    if (!me?.inCall) return this.asked.clear();
    if (!this.find(me.sessionId, "video")) this.add(me.sessionId, "video").publish(this.camera);
    const isNew = this.screen && !this.find(me.sessionId, "screen");
    if (isNew) this.add(me.sessionId, "screen").publish(this.screen);
    for (const { sessionId, inCall } of others) {
      if (inCall & MEDIA && !this.asked.has(sessionId)) this.signaling.send(sessionId, { type: "requestoffer", roomType: "video" });
      if (this.screen && (isNew || !this.asked.has(sessionId))) this.signaling.send(sessionId, { type: "sendoffer", roomType: "screen" });
    }
    this.asked = new Set(others.map((each) => each.sessionId));
  }

  receive(/** @type {string} */ from, /** @type {Data} */ data) {
    const kind = data.roomType ?? "";
    if (data.type === "offer" && !(this.signaling.usesGateway && this.find(from, kind, data.sid))) {
      const older = this.find(from, kind);
      if (older) this.drop(older);
      this.add(from, kind, data.sid);
    }
    if (["offer", "answer", "candidate", "endOfCandidates"].includes(data.type)) {
      this.find(from, kind, data.sid)?.receive(data).catch((error) => this.errors.push(`${data.type}: ${error}`));
    } else if (data.type === "control" && data.payload.peerId === this.signaling.id) {
      for (const track of this.camera?.getAudioTracks() ?? []) track.enabled = false;
      for (const peer of this.peers) {
        if (peer.status) peer.status.send(JSON.stringify({ type: "audioOff" }));
        else peer.send("mute", { name: "audio" });
      }
    } else {
      this.messages.push(data);
    }
  }

  find(/** @type {string} */ id, /** @type {string} */ kind, sid = "") {
    return this.peers.find((each) => each.id === id && each.kind === kind && (!sid || each.sid === sid));
  }

  add(/** @type {string} */ id, /** @type {string} */ kind, /** @type {string | undefined} */ sid = undefined) {
    const peer = new Peer(this, id, kind, sid);
    this.peers.push(peer);
    return peer;
  }

  drop(/** @type {Peer} */ peer) {
    peer.connection.close();
    this.peers.splice(this.peers.indexOf(peer), 1);
  }

  /** Leave, because the server says that the participation is over. */
  end() {
    this.endedAt ||= Date.now();
    this.list([]);
    this.signaling.close();
  }
}

window.caller = new Caller();
window.until = until;
