/** Waits for a story, or for Ctrl-C, whichever comes first. */
export async function untilStopped<T>(told: Promise<T>, stop: AbortSignal): Promise<T> {
  // When the region is closed before the story ends, calls that are still under way fail. These errors mean nothing.
  told.catch(() => {});
  await Promise.race([told, interrupted(stop)]);
  return told;
}

function interrupted(stop: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(new Error('interrupted; everything that was started has been ended'));
    if (stop.aborted) end();
    stop.addEventListener('abort', end, { once: true });
  });
}
