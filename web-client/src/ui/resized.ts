/** Runs something in the frame after an element has another size. At once, it could change sizes while they are told. */
export function resized(run: () => void): (element: Element) => () => void {
  return (element) => {
    let frame = 0;
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(run);
    });
    observer.observe(element);
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
    };
  };
}
