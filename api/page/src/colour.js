// Colour scales: even in lightness from end to end, so that they read without any sense of hue.

/** viridis (Smith & van der Walt, CC0), eight steps. */
const VIRIDIS = ['#440154', '#46327e', '#365c8d', '#277f8e', '#1fa187', '#4ac16d', '#a0da39', '#fde725'];
/** Fewer to more than usual: blue and orange, told apart with every common colour blindness. */
const LESS = ['#0a4a8f', '#4b86c6', '#a9c8e6'];
const MORE = ['#a3480b', '#e08a2c', '#f4c48a'];
/** What is like usual, or not significant. */
export const middle = (/** @type {boolean} */ dark) => (dark ? '#4a525e' : '#cdc9bf');

/**
 * @typedef {[number, string][]} Scale Levels and their colours.
 * @param {'weight'|'hot'|'baseline'} view @param {boolean} dark
 * @returns {Scale}
 */
export function scale(view, dark) {
  if (view === 'weight') {
    // Most cells hold little: a square root gives them their share of the colours. The legend
    // is drawn from these same stops.
    const colours = dark ? VIRIDIS : [...VIRIDIS].reverse();
    return colours.map((colour, at) => [(at / (colours.length - 1)) ** 1.6, colour]);
  }
  // The far ends stand out most: dark on a light ground, light on a dark one.
  const [less, more] = dark ? [LESS.toReversed(), MORE.toReversed()] : [LESS, MORE];
  const near = [1, 0.45, 0.12];
  return [
    ...near.map((level, at) => /** @type {[number, string]} */ ([-level, less[at]])),
    [0, middle(dark)],
    ...near.map((level, at) => /** @type {[number, string]} */ ([level, more[at]])).reverse(),
  ];
}

/** @param {Scale} scale A CSS gradient from the lowest to the highest level. */
export function gradient(scale) {
  const low = scale[0][0];
  const stops = scale.map(([level, colour]) => `${colour} ${(((level - low) / (1 - low)) * 100).toFixed(1)}%`);
  return `linear-gradient(90deg, ${stops.join(', ')})`;
}

/** @param {Scale} scale @param {number} level The colour at a level. */
export function at(scale, level) {
  const above = scale.findIndex(([stop]) => stop >= level);
  if (above <= 0) return scale[above < 0 ? scale.length - 1 : 0][1];
  const [low, from] = scale[above - 1];
  const [high, to] = scale[above];
  const part = (level - low) / (high - low);
  const mixed = [1, 3, 5].map((at) => {
    const [a, b] = [from, to].map((colour) => parseInt(colour.slice(at, at + 2), 16));
    return Math.round(a + (b - a) * part).toString(16).padStart(2, '0');
  });
  return `#${mixed.join('')}`;
}
