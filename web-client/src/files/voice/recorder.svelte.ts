/** Records a voice message with the microphone. */

import { isAvailable, problemOf, type Problem } from "../../core/devices";
import { decode, encodeWav, RATE } from "./wav";

const LONGEST = 30 * 60; // seconds
const TICK = 100; // milliseconds
const EMPTY = 0.2; // seconds

export class Recorder {
  state = $state<"starting" | "recording" | "encoding" | "done" | "failed">("starting");
  problem = $state<Problem | "empty" | null>(null);
  seconds = $state(0);
  /** The loudness of the microphone, from 0 to 1. */
  level = $state(0);
  sound = $state.raw<Blob | null>(null);
  #recorder: MediaRecorder | null = null;
  #stream: MediaStream | null = null;
  #context: AudioContext | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isClosed = false;

  /** Asks for the microphone and begins. What fails is in `problem`. */
  async start(): Promise<void> {
    [this.state, this.problem, this.sound, this.seconds] = ["starting", null, null, 0];
    try {
      if (!isAvailable()) throw new DOMException("", "SecurityError");
      this.#stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      if (this.#isClosed) {
        this.#release();
        return;
      }
      const recorder = new MediaRecorder(this.#stream);
      const parts: Blob[] = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      recorder.onstop = () => void this.#encode(parts);
      recorder.start();
      this.#recorder = recorder;
      this.state = "recording";
      this.#measure(this.#stream);
    } catch (error) {
      this.#fail(problemOf(error));
    }
  }

  /** Ends the recording. It can be listened to then. */
  stop(): void {
    if (this.#recorder?.state === "recording") this.#recorder.stop();
  }

  /** Ends everything, and forgets what was recorded. */
  close(): void {
    this.#isClosed = true;
    this.stop();
    this.#release();
  }

  #measure(stream: MediaStream): void {
    this.#context = new AudioContext();
    const analyser = this.#context.createAnalyser();
    this.#context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const begun = performance.now();
    this.#timer = setInterval(() => {
      this.seconds = (performance.now() - begun) / 1000;
      analyser.getFloatTimeDomainData(samples);
      this.level = Math.min(
        1,
        samples.reduce((most, each) => Math.max(most, Math.abs(each)), 0),
      );
      if (this.seconds >= LONGEST) this.stop();
    }, TICK);
  }

  async #encode(parts: Blob[]): Promise<void> {
    this.#release();
    if (this.#isClosed) return;
    this.state = "encoding";
    try {
      const samples = await decode(await new Blob(parts).arrayBuffer());
      if (samples.length < EMPTY * RATE) {
        this.#fail("empty");
        return;
      }
      this.sound = encodeWav(samples);
      this.seconds = samples.length / RATE;
      this.state = "done";
    } catch {
      this.#fail("empty");
    }
  }

  #fail(problem: Problem | "empty"): void {
    this.#release();
    [this.state, this.problem] = ["failed", problem];
  }

  /** Lets the microphone go, so that its light goes out. */
  #release(): void {
    clearInterval(this.#timer);
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    void this.#context?.close();
    [this.#stream, this.#context, this.#recorder, this.level] = [null, null, null, 0];
  }
}
