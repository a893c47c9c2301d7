/** The microphone, camera and screen of this device, and which of them were chosen. */

import { isAvailable, problemOf, type Problem } from "../core/devices";
import { t } from "../core/i18n.svelte";
import { toasts } from "../ui/toasts.svelte";

export type Source = "audio" | "video";

const KEY = "talkd.call.devices";
const LEVEL_EVERY = 100; // milliseconds
const LOUD = 0.02;
const KEPT_LOUD = 5; // measurements after a loud one, so that pauses between words do not flicker

interface Remembered {
  audio?: string;
  video?: string;
  speaker?: string;
  isMuted?: boolean;
  isCameraOff?: boolean;
}

class Media {
  tracks = $state.raw<Record<Source, MediaStreamTrack | null>>({ audio: null, video: null });
  problems = $state.raw<Record<Source, Problem | null>>({ audio: null, video: null });
  screen = $state.raw<MediaStream | null>(null);
  devices = $state.raw<MediaDeviceInfo[]>([]);
  chosen = $state<Remembered>(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Remembered);
  /** The loudness of the microphone, from 0 to 1. */
  level = $state(0);
  isSpeaking = $state(false);
  /** Called when a track was replaced or ended. */
  onchange: (source: Source | "screen") => void = () => undefined;
  #context: AudioContext | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  get isMuted(): boolean {
    return this.tracks.audio === null || this.chosen.isMuted === true;
  }

  get isCameraOff(): boolean {
    return this.tracks.video === null;
  }

  /** Opens the microphone and the camera as they were used last. What fails is in `problems`. */
  async open(may: Record<Source, boolean>): Promise<void> {
    if (may.audio) await this.use("audio");
    if (may.video && this.chosen.isCameraOff !== true) await this.use("video");
    this.devices = await listDevices();
    if (isAvailable()) navigator.mediaDevices.addEventListener("devicechange", this.#list);
  }

  /** Opens a device, by default the one that was used last. */
  async use(source: Source, id = this.chosen[source]): Promise<void> {
    this.#stop(source);
    try {
      if (!isAvailable()) throw new DOMException("", "SecurityError");
      const device = id === undefined || id === "" ? {} : { deviceId: { ideal: id } };
      const wanted = source === "audio" ? { audio: device } : { video: { ...device, width: { ideal: 1280 } } };
      const stream = await navigator.mediaDevices.getUserMedia(wanted);
      const track = stream.getTracks()[0] ?? null;
      if (track) track.onended = () => void this.#replace(source);
      this.#set(source, track, null);
    } catch (error) {
      this.#set(source, null, problemOf(error));
    }
    if (source === "audio") this.#measure();
    if (id !== undefined) this.#remember({ [source]: id });
    this.onchange(source);
  }

  /** Stops a device, so that its light goes out. */
  close(source: Source): void {
    this.#stop(source);
    this.#set(source, null, this.problems[source]);
    this.onchange(source);
  }

  /** Mutes the microphone or opens it again. */
  async setMuted(isMuted: boolean): Promise<void> {
    this.#remember({ isMuted });
    if (!isMuted && this.tracks.audio === null) await this.use("audio");
    if (this.tracks.audio) this.tracks.audio.enabled = !isMuted;
    this.onchange("audio");
  }

  async setCameraOff(isCameraOff: boolean): Promise<void> {
    this.#remember({ isCameraOff });
    if (isCameraOff) this.close("video");
    else await this.use("video");
  }

  chooseSpeaker(id: string): void {
    this.#remember({ speaker: id });
  }

  /** Asks which screen or window to share. Throws a `DOMException` if none was chosen. */
  async shareScreen(): Promise<void> {
    const screen = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio: true });
    this.screen = screen;
    for (const track of screen.getVideoTracks()) track.onended = () => this.stopScreen();
    this.onchange("screen");
  }

  stopScreen(): void {
    for (const track of this.screen?.getTracks() ?? []) track.stop();
    this.screen = null;
    this.onchange("screen");
  }

  /** Stops everything. */
  stop(): void {
    this.onchange = () => undefined;
    this.close("audio");
    this.close("video");
    this.stopScreen();
    this.problems = { audio: null, video: null };
    clearInterval(this.#timer);
    void this.#context?.close();
    this.#context = null;
    if (isAvailable()) navigator.mediaDevices.removeEventListener("devicechange", this.#list);
  }

  /** Opens another device after one was unplugged. */
  async #replace(source: Source): Promise<void> {
    await this.use(source);
    const name = this.tracks[source]?.label;
    toasts.show(name === undefined ? t(`call.${source}.lost`) : t("call.device.instead", { name }));
  }

  #list = (): void => {
    void listDevices().then((devices) => (this.devices = devices));
  };

  #set(source: Source, track: MediaStreamTrack | null, problem: Problem | null): void {
    if (track && source === "audio") track.enabled = this.chosen.isMuted !== true;
    this.tracks = { ...this.tracks, [source]: track };
    this.problems = { ...this.problems, [source]: problem };
  }

  #stop(source: Source): void {
    const track = this.tracks[source];
    if (!track) return;
    track.onended = null;
    track.stop();
  }

  #remember(fields: Remembered): void {
    this.chosen = { ...this.chosen, ...fields };
    localStorage.setItem(KEY, JSON.stringify(this.chosen));
  }

  /** Measures how loud the microphone is. */
  #measure(): void {
    clearInterval(this.#timer);
    [this.level, this.isSpeaking] = [0, false];
    const track = this.tracks.audio;
    if (!track) return;
    this.#context ??= new AudioContext();
    void this.#context.resume();
    const analyser = this.#context.createAnalyser();
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let sinceLoud = KEPT_LOUD;
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, each) => sum + each * each, 0) / samples.length;
      sinceLoud = Math.sqrt(power) > LOUD ? 0 : sinceLoud + 1;
      this.level = Math.min(1, Math.sqrt(power) * 4);
      this.isSpeaking = sinceLoud < KEPT_LOUD && !this.isMuted;
    }, LEVEL_EVERY);
  }

  /** Returns the id of the device that a track comes from. */
  usedFor(source: Source): string {
    return this.tracks[source]?.getSettings().deviceId ?? this.chosen[source] ?? "";
  }
}

async function listDevices(): Promise<MediaDeviceInfo[]> {
  return isAvailable() ? navigator.mediaDevices.enumerateDevices() : [];
}

export const media = new Media();
