/** The address of the page: which view is shown. */

import { ROOT } from "./api";

export type Place =
  { view: "home" } | { view: "room"; token: string; message: number | null } | { view: "admin"; section: string };

/** Returns the view of a path and hash. Paths that no view has lead home. */
export function placeOf(path: string, hash = ""): Place {
  const [first, second = ""] = path
    .slice(ROOT.length)
    .replace(/^\/index\.php(?=\/|$)/, "")
    .split("/")
    .filter(Boolean);
  if (first === "call" && second !== "") {
    const message = /^#message_(\d+)$/.exec(hash)?.[1];
    return { view: "room", token: second, message: message === undefined ? null : Number(message) };
  }
  if (first === "admin") return { view: "admin", section: second };
  return { view: "home" };
}

/** Returns the address of a view. */
export function addressOf(place: Place): string {
  switch (place.view) {
    case "home":
      return `${ROOT}/`;
    case "room":
      return `${ROOT}/call/${place.token}${place.message === null ? "" : `#message_${place.message}`}`;
    case "admin":
      return `${ROOT}/admin${place.section === "" ? "" : `/${place.section}`}`;
  }
}

class Router {
  place = $state.raw<Place>(placeOf(location.pathname, location.hash));

  constructor() {
    addEventListener("popstate", () => (this.place = placeOf(location.pathname, location.hash)));
  }

  /** Shows a view. The browser's back button leads to the view before. */
  go(place: Place): void {
    if (addressOf(place) !== location.pathname + location.hash) history.pushState(null, "", addressOf(place));
    this.place = place;
  }

  /** Shows a view in place of the current one. */
  replace(place: Place): void {
    history.replaceState(null, "", addressOf(place));
    this.place = place;
  }

  /** Handles clicks on links of this page without loading it again. */
  follow = (event: MouseEvent): void => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.target !== "" || link.origin !== location.origin || event.defaultPrevented) return;
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (!/^\/(call\/|admin|$)/.test(link.pathname.slice(ROOT.length))) return;
    event.preventDefault();
    this.go(placeOf(link.pathname, link.hash));
  };
}

export const router = new Router();
