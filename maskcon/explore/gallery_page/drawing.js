// The map is drawn.

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
  // whose cells are as large as a thumbnail and which moves with the map, so that panning changes nothing. The names
  // of classes have their places first: they cover no thumbnail.
  const [wide, high] = boxed(size).map((length) => length + 5);
  const names = placedNames();
  const taken = new Map();
  const dots = [];
  thumbnails = [];
  const hasRoom = (image, column, row) => {
    const [left, top] = [screenX(image), screenY(image)];
    if (names.some((one) => Math.abs(one.left - left) < one.half + wide / 2 && Math.abs(one.top - top) < 9 + high / 2)) return false;
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

  for (const image of dots) filled(screenX(image) - 2, screenY(image) - 2, 4, 4, data.colours[colour[image]], 0.6);
  const quiet = selected !== null;
  const near = quiet ? nearestOf(selected).map((one) => one.image) : [];
  for (const image of thumbnails) framed(image, size, 1.6);
  if (quiet) {
    pen.globalAlpha = 0.6; // a veil over all but the chosen image and its neighbours
    pen.fillStyle = style.map;
    pen.fillRect(0, 0, width, height);
    pen.globalAlpha = 1;
  } else drawNames(names);
  if (quiet) drawNeighbours(near, size * 1.25);
  if (cursor !== null && cursor !== selected && document.activeElement === map) {
    framed(cursor, size * 1.25, 2);
    ring(cursor, size * 1.25, style.accent, [5, 3]);
    thumbnails.push(cursor);
  }
  if (hovered !== null && hovered !== selected) ring(hovered, size, style.ink, []);
  if (outline) drawOutline();
};
const filled = (left, top, width, height, fill, rim) => {
  pen.fillStyle = "rgba(255,255,255,0.5)";
  if (style.dark) pen.fillRect(left - rim, top - rim, width + 2 * rim, height + 2 * rim);
  pen.fillStyle = fill;
  pen.fillRect(left, top, width, height);
};
const framed = (image, size, line) => {
  const [left, top, width, height] = boxOf(image, size);
  filled(left - line, top - line, width + 2 * line, height + 2 * line, data.colours[colour[image]], 0.7);
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
  const look = (image) => (finest[image] === finest[selected] ? [style.accent, []] : [style.wrong, [4, 3]]);
  for (const image of near) {
    const [stroke, dashes] = look(image);
    pen.strokeStyle = stroke;
    pen.setLineDash(dashes);
    pen.beginPath();
    pen.moveTo(screenX(selected), screenY(selected));
    pen.lineTo(screenX(image), screenY(image));
    pen.stroke();
  }
  [...near.entries()].reverse().forEach(([rank, image]) => {
    const [left, top] = boxOf(image, size);
    framed(image, size, 1.6);
    ring(image, size, ...look(image));
    badge(left - 4, top - 4, String(rank + 1), look(image)[0]);
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
