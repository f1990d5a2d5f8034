// The map: what is drawn, and which image is where.

// ---- state

const view = { scale: 1, left: 0, top: 0 }; // screen = left + x * scale * stretch, top + y * scale
const MOST_STRETCH = 1.4; // a t-SNE map has no unit, but neighbourhoods should keep their shape, nearly
let stretch = 1; // so that a map wider than it is high is used
let fitted = 1; // scale at which all images fill the map
let matches = new Uint8Array(count).fill(1);
let wanted = { coarse: null, fine: null, pair: null };
let selected = null; // whose neighbours are shown
let cursor = null; // where the keyboard is
let hovered = null;

const stage = at("stage");
const map = at("map");
const pen = map.getContext("2d");
const screenX = (image) => view.left + x[image] * view.scale * stretch;
const screenY = (image) => view.top + y[image] * view.scale;

// ---- the map

const MARGIN = 34;
const byColour = Array.from({ length: count }, (_, image) => image).sort((a, b) => colour[a] - colour[b] || a - b);

const fit = (images) => {
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
  const before = fitted;
  map.width = Math.round(width * ratio);
  map.height = Math.round(height * ratio);
  stretch = Math.min(MOST_STRETCH, Math.max(1, (width - 2 * MARGIN) / Math.max(1, height - 2 * MARGIN)));
  fitted = Math.max(40, Math.min((width - 2 * MARGIN) / stretch, height - 2 * MARGIN));
  if (before === 1) fit(everything());
  redraw();
};

// A thumbnail is as large as an even spread would let it be, and grows more slowly than the map does.
const side = () => {
  const even = Math.sqrt((stage.clientWidth * stage.clientHeight) / count);
  const first = Math.min(36, Math.max(18, even * 0.9));
  return Math.min(110, first * Math.pow(Math.max(1, view.scale / fitted), 0.62));
};

let style = {};
const readStyle = () => {
  const values = getComputedStyle(document.documentElement);
  for (const name of ["map", "faint", "ink", "soft", "accent", "halo", "rule", "wrong", "card"]) style[name] = values.getPropertyValue(`--${name}`).trim();
  style.dark = document.documentElement.dataset.theme === "dark";
};

let waiting = false;
const redraw = () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
};

let thumbnails = []; // images drawn as such, the last on top
const draw = () => {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = stage;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = style.map;
  pen.fillRect(0, 0, width, height);
  const size = side();
  const seen = (image, edge) => {
    const [left, top] = [screenX(image), screenY(image)];
    return left > -edge && top > -edge && left < width + edge && top < height + edge;
  };

  // A thumbnail for each image that has room beside those before it; the others are dots. Places are taken in a grid
  // whose cells are as large as a thumbnail and which moves with the map, so that panning changes nothing.
  const [wide, high] = boxed(size).map((length) => length + 5);
  const taken = new Map();
  const dots = [];
  thumbnails = [];
  const hasRoom = (image, column, row) => {
    for (let across = column - 1; across <= column + 1; across++)
      for (let down = row - 1; down <= row + 1; down++) {
        const other = taken.get(across * 65536 + down);
        if (other === undefined) continue;
        const apart = [Math.abs(x[image] - x[other]) * view.scale * stretch, Math.abs(y[image] - y[other]) * view.scale];
        if (apart[0] < wide && apart[1] < high) return false;
      }
    return true;
  };
  const put = (image) => {
    if (!matches[image] || !seen(image, size)) return;
    const [column, row] = [Math.floor((x[image] * view.scale * stretch) / wide), Math.floor((y[image] * view.scale) / high)];
    if (!hasRoom(image, column, row)) dots.push(image);
    else {
      taken.set(column * 65536 + row, image);
      thumbnails.push(image);
    }
  };
  pen.fillStyle = style.faint;
  for (let image = 0; image < count; image++)
    if (!matches[image] && seen(image, 2)) pen.fillRect(screenX(image) - 1.25, screenY(image) - 1.25, 2.5, 2.5);
  for (let image = 0; image < count; image++) put(image);

  const inColour = new Set(dots);
  let last = -1;
  for (const image of byColour) {
    if (!inColour.has(image)) continue;
    const [left, top] = [screenX(image), screenY(image)];
    if (style.dark) {
      pen.fillStyle = "rgba(255,255,255,0.5)";
      pen.fillRect(left - 2.6, top - 2.6, 5.2, 5.2);
      last = -1;
    }
    if (colour[image] !== last) pen.fillStyle = data.colours[(last = colour[image])];
    pen.fillRect(left - 2, top - 2, 4, 4);
  }
  const quiet = selected !== null;
  const near = quiet ? nearestOf(selected).map((one) => one.image) : [];
  for (const image of thumbnails) framed(image, size, 1.6);
  if (quiet) {
    pen.globalAlpha = 0.6; // a veil over all but the chosen image and its neighbours
    pen.fillStyle = style.map;
    pen.fillRect(0, 0, width, height);
    pen.globalAlpha = 1;
  } else drawNames(width, height);
  if (quiet) drawNeighbours(near, size * 1.25);
  if (cursor !== null && cursor !== selected && document.activeElement === map) {
    framed(cursor, size * 1.25, 2);
    ring(cursor, size * 1.25, style.accent, [5, 3]);
    thumbnails.push(cursor);
  }
  if (hovered !== null && hovered !== selected) ring(hovered, size, style.ink, []);
};

const boxOf = (image, size) => {
  const [width, height] = boxed(size);
  return [screenX(image) - width / 2, screenY(image) - height / 2, width, height];
};
const framed = (image, size, line) => {
  const [left, top, width, height] = boxOf(image, size);
  if (style.dark) {
    pen.fillStyle = "rgba(255,255,255,0.5)";
    pen.fillRect(left - line - 0.7, top - line - 0.7, width + 2 * line + 1.4, height + 2 * line + 1.4);
  }
  pen.fillStyle = data.colours[colour[image]];
  pen.fillRect(left - line, top - line, width + 2 * line, height + 2 * line);
  drawThumbnail(pen, image, left, top, width, height);
};
const ring = (image, size, stroke, dashes) => {
  const [left, top, width, height] = boxOf(image, size);
  pen.setLineDash(dashes);
  pen.lineWidth = 2.5;
  pen.strokeStyle = stroke;
  pen.strokeRect(left - 4, top - 4, width + 8, height + 8);
  pen.setLineDash([]);
};

const drawNeighbours = (near, size) => {
  pen.lineWidth = 1.2;
  for (const image of near) {
    const right = finest[image] === finest[selected];
    pen.strokeStyle = right ? style.accent : style.wrong;
    pen.setLineDash(right ? [] : [4, 3]);
    pen.beginPath();
    pen.moveTo(screenX(selected), screenY(selected));
    pen.lineTo(screenX(image), screenY(image));
    pen.stroke();
  }
  pen.setLineDash([]);
  [...near.keys()].reverse().forEach((rank) => {
    const image = near[rank];
    const right = finest[image] === finest[selected];
    framed(image, size, 1.6);
    ring(image, size, right ? style.accent : style.wrong, right ? [] : [4, 3]);
    const [left, top] = boxOf(image, size);
    badge(left - 4, top - 4, String(rank + 1), right ? style.accent : style.wrong);
    thumbnails.push(image);
  });
  framed(selected, size * 1.25, 2.5);
  ring(selected, size * 1.25, style.ink, []);
  thumbnails.push(selected);
};
const badge = (left, top, text, fill) => {
  pen.font = "600 10px system-ui, sans-serif";
  pen.fillStyle = fill;
  pen.beginPath();
  pen.arc(left, top, 8, 0, 2 * Math.PI);
  pen.fill();
  pen.fillStyle = style.card;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, left, top + 0.5);
};

// Names at the middle of classes that hold together: coarse ones, or fine ones once a coarse class is picked.
const MOST_NAMES = 30;
const middle = (values) => Float32Array.from(values).sort()[values.length >> 1];
let named = [];
const findNames = () => {
  const byFine = fine && (wanted.coarse !== null || wanted.pair !== null);
  const labels = byFine ? fine : coarse;
  const names = byFine ? data.fine.names : data.coarse.names;
  const members = new Map();
  for (const image of matching()) {
    if (!members.has(labels[image])) members.set(labels[image], []);
    members.get(labels[image]).push(image);
  }
  named = [];
  if (members.size > MOST_NAMES) return;
  const spread = (images) => {
    const [u, v] = [middle(images.map((i) => x[i])), middle(images.map((i) => y[i]))];
    return { u, v, reach: images.reduce((sum, i) => sum + Math.hypot(x[i] - u, y[i] - v), 0) / images.length };
  };
  const whole = spread(everything()).reach;
  for (const [label, images] of members) {
    const { u, v, reach } = spread(images);
    if (images.length > 4 && reach < 0.75 * whole) named.push({ text: names[label], u, v, images: images.length });
  }
  named.sort((a, b) => b.images - a.images);
};
const drawNames = (width, height) => {
  pen.font = "600 13px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  const placed = [];
  for (const { text, u, v } of named) {
    const shown = text.length > 28 ? `${text.slice(0, 20)}…${text.slice(-6)}` : text;
    const [left, top] = [view.left + u * view.scale * stretch, view.top + v * view.scale];
    const half = pen.measureText(shown).width / 2 + 4;
    if (left < 0 || top < 0 || left > width || top > height) continue;
    if (placed.some((other) => Math.abs(other.left - left) < other.half + half && Math.abs(other.top - top) < 18)) continue;
    placed.push({ left, top, half });
    pen.strokeStyle = style.halo;
    pen.lineWidth = 4.5;
    pen.strokeText(shown, left, top);
    pen.fillStyle = style.ink;
    pen.fillText(shown, left, top);
  }
};

// ---- finding images under the pointer

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
  redraw();
};
const bringIntoView = (image) => {
  const edge = 60;
  const { clientWidth: width, clientHeight: height } = stage;
  view.left += Math.max(0, edge - screenX(image)) - Math.max(0, screenX(image) - width + edge);
  view.top += Math.max(0, edge - screenY(image)) - Math.max(0, screenY(image) - height + edge);
};
