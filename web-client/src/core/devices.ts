/** What microphones and cameras have in common. */

/** Why a device cannot be used: the person or the system refused, there is none, or something else uses it. */
export type Problem = "refused" | "missing" | "busy" | "insecure";

/** Returns false in pages without HTTPS, where browsers hide all devices. */
export function isAvailable(): boolean {
  return "mediaDevices" in navigator;
}

/** Returns why a browser gave no device. */
export function problemOf(error: unknown): Problem {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "SecurityError") return "insecure";
  if (name === "NotAllowedError") return "refused";
  return name === "NotFoundError" || name === "OverconstrainedError" ? "missing" : "busy";
}
