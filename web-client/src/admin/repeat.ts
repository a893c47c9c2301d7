/** Running something again and again while somebody may see it. */

/** Runs something now and after each of so many milliseconds while the page is visible. Returns how to stop. */
export function repeatWhileVisible(run: () => Promise<void>, every = 5000): () => void {
  void run();
  const timer = setInterval(() => {
    if (!document.hidden) void run();
  }, every);
  return () => clearInterval(timer);
}
