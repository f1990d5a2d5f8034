// Which image is where on the screen.

const view = { scale: 1, left: 0, top: 0 }; // screen = left + x * scale * stretch, top + y * scale
const MOST_STRETCH = 1.4; // a t-SNE map has no unit, but neighbourhoods should keep their shape, nearly
let stretch = 1; // so that a map wider than it is high is used
let fitted = 1; // scale at which all images fill the map
let matches = new Uint8Array(count).fill(1);
let wanted = { coarse: null, fine: null, pair: null, wrong: false, lasso: null, text: "" };
let selected = null; // whose neighbours are shown
let cursor = null; // where the keyboard is
let hovered = null;

const stage = at("stage");
const map = at("map");
const pen = map.getContext("2d");
const screenX = (image) => view.left + x[image] * view.scale * stretch;
const screenY = (image) => view.top + y[image] * view.scale;

const MARGIN = 34;

let fittedTo = []; // images that fill the map, until a person moves it
const fit = (images) => {
  fittedTo = images;
  let [west, east, north, south] = [1, 0, 1, 0];
  for (const image of images) {
    west = Math.min(west, x[image]);
    east = Math.max(east, x[image]);
    north = Math.min(north, y[image]);
    south = Math.max(south, y[image]);
  }
  if (west > east) [west, east, north, south] = [0, 1, 0, 1];
  const { clientWidth: width, clientHeight: height } = stage;
  const room = Math.max(40, Math.min((width - 2 * MARGIN) / Math.max((east - west) * stretch, 0.02), (height - 2 * MARGIN) / Math.max(south - north, 0.02)));
  view.scale = Math.min(room, fitted * 60);
  view.left = width / 2 - ((west + east) / 2) * view.scale * stretch;
  view.top = height / 2 - ((north + south) / 2) * view.scale;
  redraw();
};
const everything = () => Array.from({ length: count }, (_, image) => image);
const matching = () => everything().filter((image) => matches[image]);

const resize = () => {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = stage;
  map.width = Math.round(width * ratio);
  map.height = Math.round(height * ratio);
  stretch = Math.min(MOST_STRETCH, Math.max(1, (width - 2 * MARGIN) / Math.max(1, height - 2 * MARGIN)));
  fitted = Math.max(40, Math.min((width - 2 * MARGIN) / stretch, height - 2 * MARGIN));
  if (fittedTo) fit(fittedTo);
  redraw();
};

// A thumbnail is as large as an even spread would let it be, and grows more slowly than the map does.
const side = () => {
  const even = Math.sqrt((stage.clientWidth * stage.clientHeight) / count);
  const first = Math.min(36, Math.max(18, even * 0.9));
  return Math.min(110, first * Math.pow(Math.max(1, view.scale / fitted), 0.62));
};

const boxOf = (image, size) => {
  const [width, height] = boxed(size);
  return [screenX(image) - width / 2, screenY(image) - height / 2, width, height];
};
const REACH = 9; // pixels from a dot
const imageAt = (left, top) => {
  const size = side();
  for (let place = thumbnails.length - 1; place >= 0; place--) {
    const [west, north, width, height] = boxOf(thumbnails[place], size);
    if (left >= west - 2 && top >= north - 2 && left <= west + width + 2 && top <= north + height + 2) return thumbnails[place];
  }
  let [found, nearest] = [null, REACH];
  for (let image = 0; image < count; image++) {
    if (!matches[image]) continue;
    const distance = Math.hypot(screenX(image) - left, screenY(image) - top);
    if (distance < nearest) [found, nearest] = [image, distance];
  }
  return found;
};

const zoomBy = (factor, left = stage.clientWidth / 2, top = stage.clientHeight / 2) => {
  const scale = Math.min(fitted * 60, Math.max(fitted * 0.5, view.scale * factor));
  view.left = left - ((left - view.left) * scale) / view.scale;
  view.top = top - ((top - view.top) * scale) / view.scale;
  view.scale = scale;
  fittedTo = null;
  redraw();
};
const bringIntoView = (image) => {
  const edge = 60;
  const { clientWidth: width, clientHeight: height } = stage;
  view.left += Math.max(0, edge - screenX(image)) - Math.max(0, screenX(image) - width + edge);
  view.top += Math.max(0, edge - screenY(image)) - Math.max(0, screenY(image) - height + edge);
};
