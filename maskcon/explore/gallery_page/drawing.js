// The map is drawn.

const style = getComputedStyle(document.documentElement); // stays true to the theme
const ink = (name) => style.getPropertyValue(`--${name}`).trim();

let frame = 0;
const redraw = () => {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(draw);
};

let thumbnails = []; // images drawn as such, the last on top
const draw = () => {
  const size = side();
  const names = placedNames();
  const dots = arrange(size, names);
  pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  veil(1);
  const faint = ink("faint");
  for (const image of everything) if (!shown.has(image) && isSeen(image, 2)) dot(image, 1.25, faint);
  if (style.colorScheme === "dark") for (const image of dots) dot(image, 2.6, RIM);
  for (const image of dots) dot(image, 2, data.colours[colour[image]]);
  for (const image of thumbnails) framed(image, size, 1.6);
  if (selected === null) drawNames(names);
  else {
    veil(0.6); // over all but the chosen image and its neighbours
    drawNeighbours(size * 1.25);
  }
  if (cursor !== null && cursor !== selected && document.activeElement === map) {
    framed(cursor, size * 1.25, 2);
    ring(cursor, size * 1.25, ink("accent"), [5, 3]);
    thumbnails.push(cursor);
  }
  if (hovered !== null && hovered !== selected) ring(hovered, size, ink("ink"), []);
  if (outline) line([...outline, outline[0]], 2, ink("accent"), [5, 3]);
};
const veil = (opacity) => {
  pen.globalAlpha = opacity;
  pen.fillStyle = ink("map");
  pen.fillRect(0, 0, mapWidth, mapHeight);
  pen.globalAlpha = 1;
};
const isSeen = (image, edge) => {
  const [left, top] = [screenX(image), screenY(image)];
  return left > -edge && top > -edge && left < mapWidth + edge && top < mapHeight + edge;
};

// A thumbnail for each image that has room beside those before it; the others are dots. Places are taken in a grid
// whose cells are as large as a thumbnail and which moves with the map, so that panning changes nothing. The names of
// classes have their places first: they cover no thumbnail.
const AROUND = [-1, 0, 1].flatMap((column) => [-1, 0, 1].map((row) => column * 65536 + row)); // from cell to cell
const arrange = (size, names) => {
  const [wide, high] = boxed(size).map((length) => length + 5);
  const taken = new Map(); // places by their cells
  const dots = [];
  thumbnails = [];
  for (const image of shown) {
    if (!isSeen(image, size)) continue;
    const [across, down] = [(x[image] * view.scale * stretch) / wide, (y[image] * view.scale) / high];
    const cell = Math.floor(across) * 65536 + Math.floor(down);
    const isUnder = ({ left, top, half }) =>
      Math.abs(left - screenX(image)) < half + wide / 2 && Math.abs(top - screenY(image)) < 9 + high / 2;
    const meets = (other) => other && Math.abs(other.across - across) < 1 && Math.abs(other.down - down) < 1;
    const hasRoom = !names.some(isUnder) && !AROUND.some((step) => meets(taken.get(cell + step)));
    if (hasRoom) taken.set(cell, { across, down });
    (hasRoom ? thumbnails : dots).push(image);
  }
  return dots;
};
const RIM = "rgba(255,255,255,0.5)"; // dark colours on a dark map need it
const dot = (image, half, fill) => {
  pen.fillStyle = fill;
  pen.fillRect(screenX(image) - half, screenY(image) - half, 2 * half, 2 * half);
};
const framed = (image, size, edge) => {
  const [left, top, width, height] = boxOf(image, size);
  for (const [fill, rim] of [[RIM, edge + 0.7], [data.colours[colour[image]], edge]]) {
    pen.fillStyle = fill;
    pen.fillRect(left - rim, top - rim, width + 2 * rim, height + 2 * rim);
  }
  drawThumbnail(pen, image, left, top, width, height);
};
const ring = (image, size, stroke, dashes) => {
  const [left, top, width, height] = boxOf(image, size);
  pen.setLineDash(dashes);
  pen.lineWidth = 2.5;
  pen.strokeStyle = stroke;
  pen.strokeRect(left - 4, top - 4, width + 8, height + 8);
};

const drawNeighbours = (size) => {
  const near = nearestOf(selected);
  const look = (image) => (areAlike(image, selected) ? [ink("accent"), []] : [ink("wrong"), [4, 3]]);
  const placeOf = (image) => ({ left: screenX(image), top: screenY(image) });
  for (const image of near) line([placeOf(selected), placeOf(image)], 1.2, ...look(image));
  [...near.entries()].reverse().forEach(([rank, image]) => {
    const [left, top] = boxOf(image, size);
    framed(image, size, 1.6);
    ring(image, size, ...look(image));
    badge(left - 4, top - 4, String(rank + 1), look(image)[0]);
    thumbnails.push(image);
  });
  framed(selected, size * 1.25, 2.5);
  ring(selected, size * 1.25, ink("ink"), []);
  thumbnails.push(selected);
};
const pathOf = (places) => {
  const path = new Path2D();
  for (const { left, top } of places) path.lineTo(left, top);
  return path;
};
const line = (places, width, stroke, dashes) => {
  pen.lineWidth = width;
  pen.strokeStyle = stroke;
  pen.setLineDash(dashes);
  pen.stroke(pathOf(places));
};
const centred = (font) => {
  pen.font = font;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
};
const badge = (left, top, text, fill) => {
  pen.fillStyle = fill;
  pen.beginPath();
  pen.arc(left, top, 8, 0, 2 * Math.PI);
  pen.fill();
  centred("600 10px system-ui, sans-serif");
  pen.fillStyle = ink("card");
  pen.fillText(text, left, top + 0.5);
};
