/**
 * Keeps the focus in the page. When the element that has it is removed, what is nearest to it gets the focus: first in
 * its row and list, then where the focus was before a dialog or menu opened.
 */

/** What lies above the page and has a focus of its own. */
const LAYERS = "dialog, [popover], section.call";
const FIELDS = "input, select, textarea";
const STOPS = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';

interface Place {
  layer: Element | null;
  /** The element that had the focus, then what is around it, from near to far. */
  near: Element[];
}

/** Where the focus is, and where it was in the layers below. */
let places: Place[] = [];
let hasFocus = false;

export function keepFocus(): void {
  document.addEventListener("focusin", ({ target }) => {
    if (!(target instanceof HTMLElement)) return;
    const layer = target.closest(LAYERS);
    places = places.filter((each) => each.layer !== layer && (each.layer === null || each.layer.isConnected));
    places.push({ layer, near: nearTo(target, layer) });
    hasFocus = true;
  });
  document.addEventListener("focusout", ({ target }) => {
    // Some browsers tell this before they remove an element, others never do.
    queueMicrotask(() => {
      const stays = target instanceof Element && target.isConnected && !target.matches(":disabled");
      if (stays && document.activeElement === document.body) hasFocus = false;
    });
  });
  new MutationObserver(() => {
    if (hasFocus && document.activeElement === document.body) restore();
  }).observe(document, { childList: true, subtree: true, attributeFilter: ["disabled"] });
}

/**
 * Gives the focus to what a dialog was opened for: its first field, else its main button, else the button that changes
 * nothing, else its title. On touch screens, a field would also open the keyboard above the dialog.
 */
export function focusFirst(dialog: HTMLDialogElement): void {
  if (dialog.querySelector("[autofocus]") === document.activeElement) return;
  const isTouched = matchMedia("(pointer: coarse)").matches;
  const wanted = [isTouched ? "" : FIELDS, ".button.primary", ".actions .button", "h2"].filter((each) => each !== "");
  for (const selector of wanted)
    for (const element of dialog.querySelectorAll<HTMLElement>(selector)) {
      if (element.matches(":disabled, .unseen") || !element.checkVisibility()) continue;
      element.focus();
      return;
    }
}

function nearTo(element: Element, layer: Element | null): Element[] {
  const near: Element[] = [];
  for (let each: Element | null = element; each && each !== layer; each = each.parentElement)
    near.push(...[each, each.nextElementSibling, each.previousElementSibling].filter((found) => found !== null));
  return near;
}

function restore(): void {
  const [current] = places.at(-1)?.near ?? [];
  if (current?.isConnected && current.matches(":disabled")) return; // it gets the focus when its work is done
  for (const { near } of places.toReversed())
    for (const each of near) if (each.isConnected && [each, ...each.querySelectorAll(STOPS)].some(takesFocus)) return;
}

function takesFocus(element: Element): boolean {
  const isStop = element instanceof HTMLElement && element.matches(STOPS) && !element.matches(":disabled");
  if (!isStop || !element.checkVisibility({ visibilityProperty: true })) return false;
  element.focus({ preventScroll: true }); // the reader may just have jumped to another place
  return document.activeElement === element;
}
