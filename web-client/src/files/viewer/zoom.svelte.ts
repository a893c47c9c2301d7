/** How much a picture is enlarged, and which part of it is seen. */

interface Point {
  x: number;
  y: number;
}

const LARGEST = 8;
const STEP = 1.5;
const SWIPE = 60; // pixels
const TAP = 10;

export class Zoom {
  scale = $state(1);
  /** How far the middle of the picture is from the middle of the view, in pixels. */
  x = $state(0);
  y = $state(0);
  readonly #fingers = new Map<number, Point>();
  #start: Point = { x: 0, y: 0 };
  #wasPinched = false;
  /** Half the size of the view. The middle of it stays in the picture. */
  #half: Point = { x: Infinity, y: Infinity };

  /** `onswipe`: a finger went over a picture that is not enlarged: to the left (-1) or right (1). */
  constructor(private readonly onswipe: (direction: -1 | 1) => void) {}

  reset(): void {
    [this.scale, this.x, this.y] = [1, 0, 0];
  }

  in(): void {
    this.#to(this.scale * STEP, { x: 0, y: 0 });
  }

  out(): void {
    this.#to(this.scale / STEP, { x: 0, y: 0 });
  }

  /** Returns an attachment for the element in which the picture is. */
  readonly watch = (view: HTMLElement): (() => void) => {
    const stop = new AbortController();
    const { signal } = stop;
    const place = ({ clientX, clientY }: MouseEvent): Point => {
      const box = view.getBoundingClientRect();
      this.#half = { x: box.width / 2, y: box.height / 2 };
      return { x: clientX - box.left - box.width / 2, y: clientY - box.top - box.height / 2 };
    };
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      this.#to(this.scale * Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), place(event));
    };
    const down = (event: PointerEvent): void => {
      if (event.button !== 0) return;
      view.setPointerCapture(event.pointerId);
      this.#fingers.set(event.pointerId, place(event));
      if (this.#fingers.size === 1) [this.#start, this.#wasPinched] = [place(event), false];
      else this.#wasPinched = true;
    };
    const move = (event: PointerEvent): void => {
      if (this.#fingers.has(event.pointerId)) this.#move(event.pointerId, place(event));
    };
    const up = (event: PointerEvent): void => {
      if (!this.#fingers.delete(event.pointerId) || this.#fingers.size > 0) return;
      const [dx, dy] = [place(event).x - this.#start.x, place(event).y - this.#start.y];
      const isSwipe = Math.abs(dx) > SWIPE && Math.abs(dx) > 2 * Math.abs(dy);
      if (event.type === "pointerup" && this.scale === 1 && !this.#wasPinched && isSwipe) this.onswipe(dx < 0 ? -1 : 1);
    };
    const toggle = (event: MouseEvent): void => {
      if (Math.hypot(place(event).x - this.#start.x, place(event).y - this.#start.y) > TAP) return;
      this.#to(this.scale > 1 ? 1 : STEP ** 2, place(event));
    };
    view.addEventListener("wheel", wheel, { signal, passive: false });
    view.addEventListener("pointerdown", down, { signal });
    view.addEventListener("pointermove", move, { signal });
    view.addEventListener("pointerup", up, { signal });
    view.addEventListener("pointercancel", up, { signal });
    view.addEventListener("dblclick", toggle, { signal });
    return () => stop.abort();
  };

  #move(id: number, to: Point): void {
    const from = this.#fingers.get(id) ?? to;
    const [other] = [...this.#fingers].filter(([each]) => each !== id).map(([, point]) => point);
    this.#fingers.set(id, to);
    if (other) {
      const [before, after] = [
        Math.hypot(from.x - other.x, from.y - other.y),
        Math.hypot(to.x - other.x, to.y - other.y),
      ];
      if (before > 0) this.#to((this.scale * after) / before, { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 });
    } else if (this.scale > 1) {
      this.#shift(this.x + to.x - from.x, this.y + to.y - from.y);
    }
  }

  /** Enlarges the picture so that what is at a point stays there. */
  #to(wanted: number, at: Point): void {
    const scale = Math.max(1, Math.min(LARGEST, wanted));
    const factor = scale / this.scale;
    this.scale = scale;
    if (scale === 1) this.#shift(0, 0);
    else this.#shift(at.x - (at.x - this.x) * factor, at.y - (at.y - this.y) * factor);
  }

  #shift(x: number, y: number): void {
    const [most, highest] = [this.#half.x * this.scale, this.#half.y * this.scale];
    this.x = Math.max(-most, Math.min(most, x));
    this.y = Math.max(-highest, Math.min(highest, y));
  }
}
