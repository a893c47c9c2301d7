/** A finger that stays on an element: what a right click is for a mouse. */

const PATIENCE = 500;
const TREMBLE = 10; // pixels

/** Returns an attachment that calls the function then, with what was touched. The click that follows does nothing. */
export function longPress(
  run: (at: { x: number; y: number }, target: Element) => void,
): (element: HTMLElement) => () => void {
  return (element) => {
    const stop = new AbortController();
    const { signal } = stop;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let start = { x: 0, y: 0 };
    let wasLong = false;
    const cancel = (): void => clearTimeout(timer);
    element.addEventListener(
      "pointerdown",
      (event) => {
        cancel();
        wasLong = false;
        const { target } = event;
        if (event.pointerType !== "touch" || !(target instanceof Element)) return;
        start = { x: event.clientX, y: event.clientY };
        timer = setTimeout(() => {
          wasLong = true;
          run(start, target);
        }, PATIENCE);
      },
      { signal },
    );
    element.addEventListener(
      "pointermove",
      ({ clientX, clientY }) => {
        if (Math.hypot(clientX - start.x, clientY - start.y) > TREMBLE) cancel();
      },
      { signal },
    );
    for (const type of ["pointerup", "pointercancel"]) element.addEventListener(type, cancel, { signal });
    element.addEventListener(
      "click",
      (event) => {
        if (wasLong) event.preventDefault();
        wasLong = false;
      },
      { signal, capture: true },
    );
    return () => {
      cancel();
      stop.abort();
    };
  };
}
