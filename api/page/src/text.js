// Every word of the page, in French and English, and how numbers and days are written.

const EN = {
  title: 'Where the bikes pile up',
  lead: 'Bike-share hotspots, on hexagons of 75 m, day by day.',
  day: 'Day (share observed)', previous: 'Previous day', next: 'Next day', latest: 'Latest day',
  system: 'System', metric: 'Show', view: 'View',
  bikes: 'Bikes', ebikes: 'E-bikes', mechanical: 'Mechanical bikes', docks: 'Free docks',
  occupancy: 'Occupancy', empty_share: 'Time without a bike', full_share: 'Time without a free dock',
  weight: 'Amount', hot: 'Hot spots', baseline: 'Against usual',
  hour: 'Hour', wholeDay: 'Whole day', play: 'Play the day', pause: 'Pause',
  noHours: 'This day has no hourly table.',
  opacity: 'Opacity', raised: '3D view', settings: 'Display', zoomIn: 'Zoom in', zoomOut: 'Zoom out', whole: 'Whole city',
  search: 'Find a station', searchHint: 'Name or number', found: '{n} stations found', noneFound: 'No station of that name',
  ranking: 'Ranking', more: 'Show more', cells: '{n} hexagons',
  rank: 'rank {rank} of {n}', noValue: 'not observed',
  details: 'The chosen hexagon', close: 'Close', share: 'Share of the city', capacity: 'Capacity',
  coverage: 'Observed', weightRow: 'Weight', stations: 'Stations',
  z: 'Gi* (z)', p: 'p, adjusted', usual: 'Usually', difference: 'Difference', average: 'city average', thisCell: 'this hexagon',
  curve: '{metric} by hour: this hexagon and the city’s average. Highest at {hour}: {value}.',
  hotWord: 'hot spot', coldWord: 'cold spot', neitherWord: 'not significant',
  legend: 'Legend',
  legendWeight: 'Weight is a hexagon’s value divided by the largest of the city that day: 1 is where most pile up.',
  legendHour: 'Weight is the value of the hour divided by the largest of any hexagon in any hour that day.',
  legendHot: 'Getis–Ord Gi*: whether bikes gather around a hexagon more (or less) than chance explains.',
  legendBaseline: 'Bikes more or fewer than the median of the same weekday in previous weeks.',
  resolution: 'hexagons of {m} m', mean: 'average number', ratio: 'of capacity', timeShare: 'of the time',
  zUnit: 'standard deviations', bikesUnit: 'bikes', missing: 'not observed', notSignificant: 'not significant', noUsual: 'nothing to compare with',
  noBaseline: 'Nothing to compare with yet: this view needs an earlier day of the same weekday.',
  noHot: 'Hot spots cannot be told apart: there are too few hexagons, or all are alike.',
  thin: 'This day was observed for {p} only: read it with care.',
  provisional: 'This day is not over: its figures will change.',
  noBase: 'No base map: it cannot be reached. The city is drawn from its hexagons.',
  noMap: 'This browser cannot draw the map (WebGL). The ranking beside it works.',
  noLibrary: 'The map library could not be loaded. The ranking beside it works.',
  noDays: 'There is no aggregated day yet. Run “hotspots ingest”, then “hotspots aggregate”.',
  noDay: 'There are no hotspots of {day}; the latest day is shown.',
  noSystem: 'There is no system “{system}”; “{other}” is shown.',
  failed: 'The server does not answer: {detail}', retry: 'Try again',
  needsToken: 'This server wants a token.', wrongToken: 'This is not the token that the server wants.', token: 'Token', open: 'Open',
  download: 'Take it with you', copy: 'Copy', copied: 'Copied', call: 'The API call behind this', docs: 'API documentation',
  link: 'The link in the address bar shows exactly this.',
  mapLabel: 'Map of the hexagons. The ranking has the same content as text.',
  shown: '{metric}, {day}, {hour}: {n} hexagons, the highest {value}.',
  loading: 'Loading…', skip: 'Skip to the ranking', data: 'Data: {name}', hexagon: 'Hexagon {id}',
  unavailable: '{name} (not in this data)',
};

/** @type {typeof EN} */
const FR = {
  title: 'Où les vélos s’accumulent',
  lead: 'Les points chauds du vélo partagé, par hexagones de 75 m, jour après jour.',
  day: 'Jour (part observée)', previous: 'Jour précédent', next: 'Jour suivant', latest: 'Dernier jour',
  system: 'Réseau', metric: 'Afficher', view: 'Vue',
  bikes: 'Vélos', ebikes: 'Vélos électriques', mechanical: 'Vélos mécaniques', docks: 'Bornes libres',
  occupancy: 'Taux de remplissage', empty_share: 'Temps sans vélo', full_share: 'Temps sans borne libre',
  weight: 'Quantité', hot: 'Points chauds', baseline: 'Écart à l’habituel',
  hour: 'Heure', wholeDay: 'Journée entière', play: 'Dérouler la journée', pause: 'Pause',
  noHours: 'Ce jour n’a pas de table horaire.',
  opacity: 'Opacité', raised: 'Vue en 3D', settings: 'Affichage', zoomIn: 'Zoomer', zoomOut: 'Dézoomer', whole: 'Toute la ville',
  search: 'Chercher une station', searchHint: 'Nom ou numéro', found: '{n} stations trouvées', noneFound: 'Aucune station de ce nom',
  ranking: 'Classement', more: 'Afficher la suite', cells: '{n} hexagones',
  rank: 'rang {rank} sur {n}', noValue: 'non observé',
  details: 'L’hexagone choisi', close: 'Fermer', share: 'Part de la ville', capacity: 'Capacité',
  coverage: 'Observé', weightRow: 'Poids', stations: 'Stations',
  z: 'Gi* (z)', p: 'p, ajusté', usual: 'D’habitude', difference: 'Écart', average: 'moyenne de la ville', thisCell: 'cet hexagone',
  curve: '{metric} par heure : cet hexagone et la moyenne de la ville. Maximum à {hour} : {value}.',
  hotWord: 'point chaud', coldWord: 'point froid', neitherWord: 'non significatif',
  legend: 'Légende',
  legendWeight: 'Le poids est la valeur d’un hexagone divisée par la plus grande de la ville ce jour-là : 1 est l’endroit le plus chargé.',
  legendHour: 'Le poids est la valeur de l’heure divisée par la plus grande de tous les hexagones et de toutes les heures du jour.',
  legendHot: 'Getis–Ord Gi* : les vélos se concentrent-ils autour d’un hexagone plus (ou moins) que par hasard ?',
  legendBaseline: 'Vélos en plus ou en moins que la médiane du même jour des semaines précédentes.',
  resolution: 'hexagones de {m} m', mean: 'nombre moyen', ratio: 'de la capacité', timeShare: 'du temps',
  zUnit: 'écarts-types', bikesUnit: 'vélos', missing: 'non observé', notSignificant: 'non significatif', noUsual: 'rien à comparer',
  noBaseline: 'Pas encore de point de comparaison : il faut un jour antérieur du même jour de la semaine.',
  noHot: 'Les points chauds ne se distinguent pas : il y a trop peu d’hexagones, ou tous sont semblables.',
  thin: 'Ce jour n’a été observé qu’à {p} : à lire avec prudence.',
  provisional: 'Ce jour n’est pas terminé : ses chiffres changeront.',
  noBase: 'Pas de fond de carte : il est injoignable. La ville est dessinée par ses hexagones.',
  noMap: 'Ce navigateur ne peut pas dessiner la carte (WebGL). Le classement reste disponible.',
  noLibrary: 'La bibliothèque de carte n’a pas pu être chargée. Le classement reste disponible.',
  noDays: 'Aucun jour n’est encore agrégé. Lancez « hotspots ingest », puis « hotspots aggregate ».',
  noDay: 'Il n’y a pas de données du {day} ; le dernier jour est affiché.',
  noSystem: 'Il n’y a pas de réseau « {system} » ; « {other} » est affiché.',
  failed: 'Le serveur ne répond pas : {detail}', retry: 'Réessayer',
  needsToken: 'Ce serveur demande un jeton.', wrongToken: 'Ce n’est pas le jeton que le serveur demande.', token: 'Jeton', open: 'Ouvrir',
  download: 'À emporter', copy: 'Copier', copied: 'Copié', call: 'L’appel d’API correspondant', docs: 'Documentation de l’API',
  link: 'Le lien dans la barre d’adresse montre exactement ceci.',
  mapLabel: 'Carte des hexagones. Le classement en donne le contenu sous forme de texte.',
  shown: '{metric}, {day}, {hour} : {n} hexagones, le plus haut {value}.',
  loading: 'Chargement…', skip: 'Aller au classement', data: 'Données : {name}', hexagon: 'Hexagone {id}',
  unavailable: '{name} (absent de ces données)',
};

/** @typedef {keyof typeof EN} Word */

const asked = new URLSearchParams(location.search).get('lang');
/** The language that the address asks for, if it does. */
export const askedLanguage = asked === 'fr' || asked === 'en' ? asked : undefined;
const preferred = (navigator.languages ?? [navigator.language]).map((tag) => tag.slice(0, 2).toLowerCase());
export const language = askedLanguage ?? preferred.find((tag) => tag === 'fr' || tag === 'en') ?? 'en';
const locale = language === 'fr' ? 'fr-FR' : 'en-GB';
const words = language === 'fr' ? FR : EN;

/**
 * @param {Word} word @param {Record<string, string|number>} [parts]
 */
export function say(word, parts = {}) {
  return words[word].replace(/\{(\w+)\}/g, (_, name) => String(parts[name] ?? ''));
}

/** @type {Map<number, Intl.NumberFormat>} */
const formats = new Map();

/** @param {number} value @param {number} [decimals] */
export function number(value, decimals = 0) {
  const format = formats.get(decimals)
    ?? new Intl.NumberFormat(locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  formats.set(decimals, format);
  return format.format(value === 0 ? 0 : value).replace('-', '−');
}

/** @param {number} value @param {number} [decimals] */
const signed = (value, decimals) => `${value > 0 ? '+' : ''}${number(value, decimals)}`;

const percents = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
/** In a sentence. @param {number} ratio */
export const percent = (ratio) => percents.format(ratio);
const exactPercents = new Intl.NumberFormat(locale, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });

/**
 * A value with the precision that suits its column.
 * @param {number|null} value @param {string} column
 */
export function quantity(value, column) {
  if (value === null || value === undefined) return '–';
  if (column === 'occupancy' || column.endsWith('_share')) return exactPercents.format(value);
  if (column === 'gi_z') return signed(value, 2);
  return column === 'baseline_difference' ? signed(value, 1) : number(value, 1);
}

/** A value on a scale. @param {number} value @param {string} column */
export function tickName(value, column) {
  if (value === 0) return '0';
  return column === 'gi_z' ? signed(value) : quantity(value, column);
}

const dayFormats = {
  long: new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' }),
  short: new Intl.DateTimeFormat(locale, { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' }),
  month: new Intl.DateTimeFormat(locale, { month: 'long', year: 'numeric', timeZone: 'UTC' }),
};
/** @param {string} date @param {keyof typeof dayFormats} [form] */
export const dayName = (date, form = 'long') => dayFormats[form].format(new Date(`${date}T00:00:00Z`));

/** `08` as `08:00–09:00`. @param {string} hour */
export function hourName(hour) {
  const from = Number(hour.slice(0, 2));
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  return `${two(from)}:00–${two((from + 1) % 24)}:00${hour.endsWith('b') ? ' (2)' : ''}`;
}

/** Puts the words into the document: `data-say` is text, `data-say-label` an accessible name. */
export function translate() {
  document.documentElement.lang = language;
  document.title = `${say('title')} · hotspots`;
  for (const element of document.querySelectorAll('[data-say]')) {
    element.textContent = say(/** @type {Word} */ (element.getAttribute('data-say')));
  }
  for (const element of document.querySelectorAll('[data-say-label]')) {
    const word = say(/** @type {Word} */ (element.getAttribute('data-say-label')));
    element.setAttribute('aria-label', word);
    if (element instanceof HTMLButtonElement) element.title = word;
    if (element instanceof HTMLInputElement && element.type === 'search') element.placeholder = say('searchHint');
  }
}
