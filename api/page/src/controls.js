// What can be pressed, dragged and chosen, and what each means.
import { file } from './api.js';
import { $, element, speak } from './dom.js';
import { METRICS, VIEWS } from './state.js';
import { say } from './text.js';
import { token } from './token.js';

/**
 * @typedef {object} Actions
 * @property {(metric: import('./state.js').Metric) => void} metric
 * @property {(view: import('./state.js').View) => void} view
 * @property {(date: string) => void} day
 * @property {(by: number) => void} step Days onward.
 * @property {(system: string) => void} system
 * @property {(at: number|null) => void} hour Its place among the day's; null is the whole day.
 * @property {() => void} onward The hour after the shown one.
 * @property {() => void} tilt
 * @property {(percent: number) => void} opacity
 * @property {(by: number) => void} zoom
 * @property {() => void} city
 * @property {() => void} leave
 */

const PLAY_STEP_MS = 650;

/** @param {import('./state.js').State} state As it is at the start. @param {Actions} actions */
export function controls(state, actions) {
  let playing = 0;
  const press = (/** @type {string} */ id, /** @type {() => void} */ action) => $(id).addEventListener('click', action);

  const metric = $('metric', HTMLSelectElement);
  metric.replaceChildren(...METRICS.map((name) => new Option(say(name), name)));
  metric.addEventListener('change', () => actions.metric(/** @type {any} */ (metric.value)));
  $('views').replaceChildren(...VIEWS.map((name) => {
    const radio = element('input', { type: 'radio', name: 'view', value: name });
    radio.addEventListener('change', () => {
      pause();
      actions.view(name);
    });
    return element('label', {}, radio, element('span', { text: say(name) }));
  }));
  const day = $('day', HTMLSelectElement);
  day.addEventListener('change', () => actions.day(day.value));
  const system = $('system', HTMLSelectElement);
  system.addEventListener('change', () => actions.system(system.value));
  press('previous', () => actions.step(-1));
  press('next', () => actions.step(1));
  press('latest', () => actions.day('latest'));
  const hour = $('hour', HTMLInputElement);
  hour.addEventListener('input', () => {
    pause();
    actions.hour(Number(hour.value));
  });
  press('all-day', () => {
    pause();
    actions.hour(null);
  });
  press('play', () => (playing ? pause() : play()));
  const raised = $('raised');
  raised.setAttribute('aria-pressed', String(!state.flat));
  press('raised', () => {
    raised.setAttribute('aria-pressed', String(raised.getAttribute('aria-pressed') !== 'true'));
    actions.tilt();
  });
  const opacity = $('opacity', HTMLInputElement);
  opacity.value = String(state.opacity);
  opacity.addEventListener('input', () => actions.opacity(Number(opacity.value)));
  press('in', () => actions.zoom(1));
  press('out', () => actions.zoom(-1));
  press('city', actions.city);
  press('copy', copy);
  for (const id of ['geojson', 'csv']) {
    $(id).addEventListener('click', (event) => {
      if (!token()) return;
      event.preventDefault();
      save($(id, HTMLAnchorElement));
    });
  }
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape') actions.leave();
  });

  function play() {
    name(say('pause'));
    actions.onward();
    playing = setInterval(actions.onward, PLAY_STEP_MS);
  }

  function pause() {
    clearInterval(playing);
    playing = 0;
    name(say('play'));
  }

  /** @param {string} text Of the button that plays. */
  function name(text) {
    const button = $('play');
    button.setAttribute('aria-label', text);
    button.title = text;
    button.classList.toggle('on', text === say('pause'));
  }
}

/** Saves what a link points to. @param {HTMLAnchorElement} link */
async function save(link) {
  const href = await file(link.getAttribute('href') ?? '');
  element('a', { href, download: link.download }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

async function copy() {
  const call = $('call', HTMLInputElement);
  call.select();
  try {
    await navigator.clipboard.writeText(call.value);
  } catch {
    // No clipboard without https: the text is selected, ready to be copied by hand.
    return;
  }
  $('copy').textContent = say('copied');
  speak(say('copied'));
  setTimeout(() => ($('copy').textContent = say('copy')), 1500);
}
