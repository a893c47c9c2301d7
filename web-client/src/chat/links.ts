/** Where links lead, for those whose text names another place. */

const SCHEME = String.raw`(?:[a-z][a-z\d+.-]*:\/{0,2})?`;
const NAME = String.raw`(?:[\p{L}\p{N}_-]+\.)+\p{L}{2,}|\d+(?:\.\d+){3}|localhost`;
/** What looks like the address of a place: its host, or that of a mailbox with the part before it. */
const ADDRESS = new RegExp(String.raw`(?:^|[\s("'<[])${SCHEME}([^\s/@("'<[]+@)?(${NAME})(?![\p{L}\p{N}])`, "giu");
const UNSEEN = /\p{Cf}/gu;

/** Returns the host or mailbox that a link leads to if its text looks like the address of another one, else null. */
export function otherPlace(address: string, text: string): string | null {
  const place = placeOf(address);
  if (place === null) return null;
  const shown = [...text.normalize("NFKC").replace(UNSEEN, "").matchAll(ADDRESS)];
  const isOther = shown.some(([, user = "", host = ""]) => {
    const named = placeOf(user === "" || !place.includes("@") ? `https://${host}` : `mailto:${user}${host}`);
    return named !== place;
  });
  return isOther ? place : null;
}

/** Returns the host of an address, or the mailbox, or null if it names none. */
function placeOf(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const { protocol, hostname, pathname } = new URL(address);
  if (/^https?:$/.test(protocol)) return hostname.replace(/^www\./, "");
  return decoded(pathname).toLowerCase();
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
