/** One tab stop for a list of messages: arrow keys move in it, and only the current message's controls are tab stops. */

const CONTROLS = "a[href], button, input, [tabindex]";

/** Returns an attachment for a list that makes the controls of the current row tab stops, and those of others not. */
export function tabStops(current: string): (list: HTMLElement) => () => void {
  const apply = (element: HTMLElement): void => {
    for (const control of [element, ...element.querySelectorAll<HTMLElement>(CONTROLS)]) {
      const row = control.matches(CONTROLS) ? control.parentElement?.closest<HTMLElement>(".item") : null;
      if (!row || control.closest("[popover], dialog") !== null) continue;
      const wanted = row.dataset["key"] === current ? 0 : -1;
      if (control.tabIndex !== wanted) control.tabIndex = wanted;
    }
  };
  return (list) => {
    apply(list);
    const observer = new MutationObserver((changes) => {
      for (const { addedNodes } of changes)
        for (const added of addedNodes) if (added instanceof HTMLElement) apply(added);
    });
    observer.observe(list, { childList: true, subtree: true });
    return () => observer.disconnect();
  };
}

/** Returns the key of the row that a pressed key leads to, or null if it leads nowhere. */
export function rowAfter(keys: string[], current: string, pressed: string): string | null {
  const index = keys.indexOf(current);
  const next = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: keys.length - 1 }[pressed];
  return next === undefined ? null : (keys[next] ?? null);
}
