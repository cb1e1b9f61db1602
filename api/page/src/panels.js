// The parts around the map that say what is shown: days, time, legend, warnings, downloads.
import { ApiError, address } from './api.js';
import { gradient, middle, scale } from './colour.js';
import { $, element, speak } from './dom.js';
import { column, has } from './frame.js';
import { dayName, hourName, number, percent, say, tickName } from './text.js';
import { keep, token } from './token.js';

/** @typedef {import('./moment.js').Moment} Moment */

/** A day observed for less than this deserves a warning. */
const THIN = 0.9;
const EDGE_M = /** @type {Record<number, number>} */ ({ 8: 530, 9: 200, 10: 75 });

/** The days there are, the latest first. @param {Moment} moment */
export function dayList({ days }) {
  /** @type {Map<string, import('./api.js').DayEntry[]>} */
  const months = new Map();
  for (const entry of days) {
    const month = entry.date.slice(0, 7);
    months.set(month, [...(months.get(month) ?? []), entry]);
  }
  const groups = [...months].reverse().map(([month, entries]) => {
    const group = document.createElement('optgroup');
    group.label = dayName(`${month}-01`, 'month');
    group.append(...entries.toReversed().map((entry) => {
      const notes = [entry.coverage === null ? '' : percent(entry.coverage), entry.provisional ? '…' : ''];
      return new Option([dayName(entry.date, 'short'), ...notes.filter(Boolean)].join(' · '), entry.date);
    }));
    return group;
  });
  $('day', HTMLSelectElement).replaceChildren(...groups);
}

/** The systems there are, if several. @param {{id: string, name: string}[]} names @param {string} shown */
export function systemList(names, shown) {
  const select = $('system', HTMLSelectElement);
  const isTwice = (/** @type {string} */ name) => names.filter((other) => other.name === name).length > 1;
  select.replaceChildren(...names.map(({ id, name }) => new Option(isTwice(name) ? `${name} (${id})` : name, id)));
  select.value = shown;
  $('system-field').hidden = names.length < 2;
}

/** Which days there are before and after. @param {Moment} moment */
export function dayButtons({ days, day }) {
  const at = days.findIndex(({ date }) => date === day?.date);
  if (at >= 0) $('day', HTMLSelectElement).value = days[at].date;
  $('previous', HTMLButtonElement).disabled = at <= 0;
  $('next', HTMLButtonElement).disabled = at < 0 || at >= days.length - 1;
  $('latest', HTMLButtonElement).disabled = at === days.length - 1;
}

/** Which hour is shown, and how the city’s day went. @param {Moment} moment */
export function time({ state, day, hours, hour: at, waiting }) {
  const card = $('time');
  const slider = $('hour', HTMLInputElement);
  $('all-day').setAttribute('aria-pressed', String(!state.hour));
  if (!day) {
    $('time-now').textContent = say('loading');
    return;
  }
  const isNarrow = card.clientWidth < 450;
  const where = dayName(day.date, isNarrow ? 'short' : 'long');
  // In a narrow card there is no room to repeat the button beside it, which is pressed.
  const whole = isNarrow ? where : `${where} · ${say('wholeDay')}`;
  if (!hours && waiting) {
    $('time-now').textContent = whole;
    return;
  }
  card.classList.toggle('none', !hours);
  if (!hours) {
    $('time-now').textContent = `${where} · ${say('wholeDay')}. ${say('noHours')}`;
    $('pulse').replaceChildren();
    return;
  }
  slider.max = String(hours.names.length - 1);
  slider.disabled = $('play', HTMLButtonElement).disabled = state.view !== 'weight';
  if (at !== null) slider.value = String(at);
  const name = at === null ? say('wholeDay') : hourName(hours.names[at]);
  slider.setAttribute('aria-valuetext', name);
  slider.classList.toggle('idle', at === null);
  $('time-now').textContent = at === null ? whole : `${where} · ${name}`;
  const pulse = $('pulse');
  if (pulse.childElementCount !== hours.mean.length) {
    pulse.replaceChildren(...hours.mean.map(() => document.createElement('i')));
  }
  const known = hours.mean.filter((value) => value !== null);
  const high = Math.max(0, ...known);
  hours.mean.forEach((value, place) => {
    const bar = /** @type {HTMLElement} */ (pulse.children[place]);
    bar.style.height = value === null ? '0' : `${high > 0 ? (value / high) * 100 : 0}%`;
    bar.classList.toggle('now', place === at);
  });
}

/** What colours and heights mean. @param {Moment} moment */
export function legend({ state, day, shown, dark }) {
  if (!shown || !day) return;
  const { view, metric } = state;
  const name = column(view, metric);
  $('legend-name').textContent = say(view === 'weight' ? metric : view);
  const unit = view === 'hot' ? 'zUnit' : view === 'baseline' ? 'bikesUnit'
    : metric === 'occupancy' ? 'ratio' : metric.endsWith('_share') ? 'timeShare' : 'mean';
  $('legend-unit').textContent = say(unit);
  $('ramp').style.background = gradient(scale(view, dark));
  const { top } = shown;
  const ticks = view === 'weight' ? [0, 0.25, 0.5, 0.75, 1] : [-1, -0.5, 0, 0.5, 1];
  $('ticks').replaceChildren(...ticks.map((tick) => element('span', { text: tickName(tick * top, name) })));
  $('meaning').textContent = say(
    view === 'hot' ? 'legendHot' : view === 'baseline' ? 'legendBaseline' : state.hour ? 'legendHour' : 'legendWeight',
  );
  $('swatch').style.background = view === 'hot' ? middle(dark) : '';
  $('swatch-name').textContent = say(view === 'hot' ? 'notSignificant' : view === 'baseline' ? 'noUsual' : 'missing');
  $('legend-size').textContent = say('resolution', { m: EDGE_M[day.resolution] ?? '' });
}

/** What to be careful about. @param {Moment} moment */
export function warnings({ day }) {
  if (!day) return;
  document.body.classList.remove('nothing');
  const texts = [];
  const { coverage, provisional } = day.header;
  if (typeof coverage === 'number' && coverage < THIN) texts.push(say('thin', { p: percent(coverage) }));
  if (provisional) texts.push(say('provisional'));
  $('warning').hidden = texts.length === 0;
  $('warning').textContent = texts.join(' ');
}

/** What can be chosen, downloaded and called for this day. @param {Moment} moment */
export function offers({ state, day, shown }) {
  if (!day) return;
  const { metric, view } = state;
  const known = day;
  for (const option of $('metric', HTMLSelectElement).options) {
    option.disabled = !has(known, option.value);
    const name = say(/** @type {any} */ (option.value));
    option.text = option.disabled ? say('unavailable', { name }) : name;
  }
  $('metric', HTMLSelectElement).value = metric;
  $('metric', HTMLSelectElement).disabled = view !== 'weight';
  for (const radio of document.querySelectorAll('#views input')) {
    if (!(radio instanceof HTMLInputElement)) continue;
    radio.checked = radio.value === view;
    const needs = radio.value === 'weight' ? null : column(/** @type {any} */ (radio.value), metric);
    radio.disabled = needs !== null && !has(known, needs);
    // Why it cannot be chosen: a tooltip, and the description that a screen reader gives.
    radio.title = radio.disabled ? say(radio.value === 'hot' ? 'noHot' : 'noBaseline') : '';
  }
  const hour = state.hour && view === 'weight' ? Number(state.hour.slice(0, 2)) : null;
  const asked = {
    system: day.system, resolution: day.resolution === 10 ? null : day.resolution,
    metric: metric === 'bikes' || view !== 'weight' ? null : metric, hour,
    baseline: view === 'baseline' ? 'true' : null,
  };
  const path = `/hotspots/${day.date}`;
  for (const format of ['geojson', 'csv']) {
    const link = $(format, HTMLAnchorElement);
    link.href = address(path, { ...asked, format });
    link.download = ['hotspots', day.system, day.date, hour === null ? null : `${state.hour}h`].filter(Boolean).join('-') + `.${format}`;
  }
  // A link to it would not bear the token.
  $('docs').hidden = token() !== null;
  $('call', HTMLInputElement).value = new URL(address(path, asked), location.href).href;
  const thanks = day.header.attribution;
  const credit = typeof thanks === 'string' ? thanks : (thanks?.attribution_organization_name ?? thanks?.operator ?? thanks?.name);
  $('credit').textContent = credit ? say('data', { name: credit }) : '';
  const count = `${say('cells', { n: number(shown?.known ?? 0) })}`;
  $('ranking-about').textContent = count;
}

/** What went wrong, and what can be done. @param {Moment} moment @param {unknown} error @param {() => void} again */
export function failed({ day }, error, again) {
  if (!(error instanceof ApiError)) throw error;
  document.body.classList.toggle('nothing', !day);
  const box = $('warning');
  box.hidden = false;
  if (error.status === 401) {
    askForToken(box, again);
    return;
  }
  if (error.status === 404) {
    box.textContent = say('noDays');
    speak(box.textContent);
    return;
  }
  const button = element('button', { type: 'button', text: say('retry') });
  button.addEventListener('click', () => {
    box.hidden = true;
    again();
  });
  box.replaceChildren(`${say('failed', { detail: error.message })} `, button);
  speak(box.textContent ?? '');
}

/** @param {HTMLElement} box @param {() => void} again */
function askForToken(box, again) {
  const text = say(token() ? 'wrongToken' : 'needsToken');
  const input = element('input', { type: 'password', id: 'token', autocomplete: 'current-password', required: '', 'aria-label': say('token') });
  const form = element('form', { class: 'row' }, input, element('button', { text: say('open') }));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    keep(input.value);
    box.hidden = true;
    again();
  });
  box.replaceChildren(text, form);
  input.focus();
  speak(text);
}
