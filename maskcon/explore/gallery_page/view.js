// Which image is where on the screen.

const view = { scale: 1, left: 0, top: 0 }; // screen = left + x * scale * stretch, top + y * scale
const MOST_STRETCH = 1.4; // a t-SNE map has no unit, but neighbourhoods should keep their shape, nearly
let stretch = 1; // so that a map wider than it is high is used
let fitted = 1; // scale at which all images fill the map
let shown = new Set(everything); // images that match the filters
let selected = null; // whose neighbours are shown
let cursor = null; // where the keyboard is
let hovered = null;

const stage = at("stage");
const map = at("map");
const pen = map.getContext("2d");
let [mapWidth, mapHeight] = [0, 0]; // pixels
const screenX = (image) => view.left + x[image] * view.scale * stretch;
const screenY = (image) => view.top + y[image] * view.scale;

const MARGIN = 34;

let fittedTo = []; // images that fill the map, until a person moves it
const inOrder = (values, images) => Float32Array.from(images, (image) => values[image]).sort();
const fit = (images) => {
  fittedTo = images.length ? images : everything;
  const [across, down] = [inOrder(x, fittedTo), inOrder(y, fittedTo)];
  const [west, east, north, south] = [across[0], across.at(-1), down[0], down.at(-1)];
  const room = [
    (mapWidth - 2 * MARGIN) / Math.max((east - west) * stretch, 0.02),
    (mapHeight - 2 * MARGIN) / Math.max(south - north, 0.02),
  ];
  view.scale = Math.min(Math.max(40, Math.min(...room)), fitted * 60);
  view.left = mapWidth / 2 - ((west + east) / 2) * view.scale * stretch;
  view.top = mapHeight / 2 - ((north + south) / 2) * view.scale;
  redraw();
};
const move = (right, down) => {
  view.left += right;
  view.top += down;
  redraw();
};

const resize = () => {
  [mapWidth, mapHeight] = [stage.clientWidth, stage.clientHeight];
  map.width = Math.round(mapWidth * devicePixelRatio);
  map.height = Math.round(mapHeight * devicePixelRatio);
  stretch = Math.min(MOST_STRETCH, Math.max(1, (mapWidth - 2 * MARGIN) / Math.max(1, mapHeight - 2 * MARGIN)));
  fitted = Math.max(40, Math.min((mapWidth - 2 * MARGIN) / stretch, mapHeight - 2 * MARGIN));
  if (fittedTo) fit(fittedTo);
  else redraw();
};

// A thumbnail is as large as an even spread would let it be, and grows more slowly than the map does.
const side = () => {
  const even = Math.sqrt((mapWidth * mapHeight) / everything.length);
  const first = Math.min(36, Math.max(18, even * 0.9));
  return Math.min(110, first * Math.pow(Math.max(1, view.scale / fitted), 0.62));
};

const boxOf = (image, size) => {
  const [width, height] = boxed(size);
  return [screenX(image) - width / 2, screenY(image) - height / 2, width, height];
};
const REACH = 9; // pixels from a dot
const imageAt = (left, top) => {
  const [wide, high] = boxed(side()).map((length) => length / 2 + 2);
  const isOn = (image) => Math.abs(screenX(image) - left) <= wide && Math.abs(screenY(image) - top) <= high;
  const away = (image) => Math.hypot(screenX(image) - left, screenY(image) - top);
  return thumbnails.findLast(isOn) ?? least(away, REACH);
};
// The image of those shown that has the least of something, below a bound; null where there is none.
const least = (of, bound = Infinity) => {
  let [found, best] = [null, bound];
  for (const image of shown) {
    const value = of(image);
    if (value < best) [found, best] = [image, value];
  }
  return found;
};

const zoomBy = (factor, left = mapWidth / 2, top = mapHeight / 2) => {
  const scale = Math.min(fitted * 60, Math.max(fitted * 0.5, view.scale * factor));
  const grown = scale / view.scale;
  view.scale = scale;
  fittedTo = null;
  move((left - view.left) * (1 - grown), (top - view.top) * (1 - grown));
};
const bringIntoView = (image) => {
  const missing = (place, length) => Math.max(0, MARGIN - place) - Math.max(0, place - length + MARGIN);
  move(missing(screenX(image), mapWidth), missing(screenY(image), mapHeight));
};
