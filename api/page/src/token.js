// The token of an API that is not for everybody, kept for as long as the browser's tab.

const NAME = 'hotspots-token';
/** @type {string|null} */
let kept = null;
try {
  kept = sessionStorage.getItem(NAME);
} catch {
  // A browser that keeps nothing: asked for at each visit.
}

export const token = () => kept;

/** @param {string} text */
export function keep(text) {
  kept = text;
  try {
    sessionStorage.setItem(NAME, text);
  } catch {
    // As above.
  }
}
