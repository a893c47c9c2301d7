/** The sound of a notification, made by the browser: two short tones. */

const TONES = [660, 880];
const SECONDS = 0.12;
let context: AudioContext | undefined;

/** Plays the sound. Browsers keep silent until the user has clicked somewhere in the page. */
export function play(): void {
  const audio = (context ??= new AudioContext());
  const { currentTime, destination } = audio;
  void audio.resume();
  TONES.forEach((frequency, number) => {
    const [tone, volume] = [new OscillatorNode(audio, { frequency }), new GainNode(audio)];
    const start = currentTime + number * SECONDS;
    volume.gain.setValueAtTime(0.12, start);
    volume.gain.exponentialRampToValueAtTime(0.001, start + SECONDS);
    tone.connect(volume).connect(destination);
    tone.start(start);
    tone.stop(start + SECONDS);
  });
}
