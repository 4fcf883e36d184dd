// Looking again and again: only while there is more to see and the tab is shown, and ever more rarely where it fails.

const PAUSE_MS = 2000;
const LONGEST_MS = 60_000;

/** What asking again does not change: a key that was not given, something that is gone. */
const lasting = (error) => error.status >= 400 && error.status < 500;

/**
 * Calls `look()`, which resolves to whether there is more to come, and `tell(error)` after each call, null when all
 * went well. Returns a function that looks at once.
 */
export function polling(look, tell) {
  let timer = null;
  let busy = false;
  let asked = false; // for another look, while one was under way
  let pause = PAUSE_MS;

  async function now() {
    clearTimeout(timer);
    asked = busy;
    if (busy) return;
    busy = true;
    let more = true;
    try {
      more = await look();
      pause = PAUSE_MS;
      tell(null);
    } catch (error) {
      more = !lasting(error);
      pause = Math.min(2 * pause, LONGEST_MS);
      tell(error);
    }
    busy = false;
    if (asked) now();
    else if (more && !document.hidden) timer = setTimeout(now, pause);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else now();
  });
  return now;
}
