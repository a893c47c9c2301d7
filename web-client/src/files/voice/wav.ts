/** Voice messages as WAV files: the API keeps the mark of a voice message only for WAV and MP3. */

export const RATE = 16_000; // samples a second, enough for speech
const HEADER = 44; // bytes
const LARGEST = 0x7fff;

/** Returns sound as a WAV file with one channel of 16 bits. Samples are from -1 to 1. */
export function encodeWav(samples: Float32Array, rate = RATE): Blob {
  const size = samples.length * 2;
  const view = new DataView(new ArrayBuffer(HEADER + size));
  const write = (offset: number, text: string): void => {
    for (let index = 0; index < text.length; index++) view.setUint8(offset + index, text.charCodeAt(index));
  };
  write(0, "RIFF");
  view.setUint32(4, HEADER - 8 + size, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of the format
  view.setUint16(20, 1, true); // numbers, not compressed
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  write(36, "data");
  view.setUint32(40, size, true);
  samples.forEach((each, index) => {
    view.setInt16(HEADER + index * 2, Math.round(Math.max(-1, Math.min(1, each)) * LARGEST), true);
  });
  return new Blob([view], { type: "audio/wav" });
}

/** Decodes sound that the browser knows, with one channel. Throws if it does not. */
export async function decode(sound: ArrayBuffer, rate = RATE): Promise<Float32Array> {
  const decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(sound);
  const samples = new Float32Array(decoded.length);
  for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
    const part = decoded.getChannelData(channel);
    for (let index = 0; index < part.length; index++)
      samples[index] = (samples[index] ?? 0) + (part[index] ?? 0) / decoded.numberOfChannels;
  }
  return samples;
}

/** Returns how loud each part of some sound is, from 0 to 1, where 1 is the loudest part. */
export function listPeaks(samples: Float32Array, count: number): number[] {
  const peaks = Array.from({ length: count }, (_, part) => {
    const end = Math.ceil(((part + 1) * samples.length) / count);
    let peak = 0;
    for (let index = Math.floor((part * samples.length) / count); index < end; index++)
      peak = Math.max(peak, Math.abs(samples[index] ?? 0));
    return peak;
  });
  const loudest = Math.max(...peaks);
  return loudest === 0 ? peaks : peaks.map((each) => each / loudest);
}
