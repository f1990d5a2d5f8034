// What is shown, and its thumbnails. All that a person named is set as text, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);

// ---- what is shown

const unpacked = (text, kind) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new kind(bytes.buffer); // the lowest byte first, as on all machines that run browsers
};
const x = Float32Array.from(unpacked(data.x, Uint16Array), (step) => step / 65535);
const y = Float32Array.from(unpacked(data.y, Uint16Array), (step) => 1 - step / 65535); // upwards, as in the figures
const coarse = unpacked(data.coarse.of, Uint16Array);
const fine = data.fine && unpacked(data.fine.of, Uint16Array);
const finest = fine || coarse;
const finestNames = (data.fine || data.coarse).names;
const colour = unpacked(data.colour, Uint16Array);
const neighbours = unpacked(data.neighbours, Uint16Array);
const cosines = unpacked(data.cosines, Int16Array);
const count = x.length;
const number = (value) => value.toLocaleString("en");
const several = (value, word) => `${number(value)} ${word}${value === 1 ? "" : word.endsWith("s") ? "es" : "s"}`;
const nearestOf = (image) =>
  Array.from({ length: data.perImage }, (_, rank) => ({
    image: neighbours[image * data.perImage + rank],
    cosine: cosines[image * data.perImage + rank] / 32767,
  }));

// ---- thumbnails, drawn from sheets

const sheets = data.sprites.sheets.map((uri) => {
  const sheet = new Image();
  sheet.onload = () => redraw();
  sheet.src = uri;
  return sheet;
});
const shape = data.sprites.width / data.sprites.height;
const drawThumbnail = (context, image, left, top, width, height) => {
  const { columns, perSheet, width: w, height: h } = data.sprites;
  const sheet = sheets[Math.floor(image / perSheet)];
  if (!sheet.complete || !sheet.naturalWidth) return;
  const place = image % perSheet;
  context.imageSmoothingEnabled = !(data.crisp && width > w);
  context.drawImage(sheet, (place % columns) * w, Math.floor(place / columns) * h, w, h, left, top, width, height);
};
const boxed = (side) => (shape >= 1 ? [side, side / shape] : [side * shape, side]); // width, height within a square
const thumbnail = (image, side, canvas = document.createElement("canvas")) => {
  const [width, height] = boxed(side);
  const ratio = Math.max(2, window.devicePixelRatio || 1);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const draw = () => drawThumbnail(canvas.getContext("2d"), image, 0, 0, canvas.width, canvas.height);
  const sheet = sheets[Math.floor(image / data.sprites.perSheet)];
  if (sheet.complete) draw();
  else sheet.addEventListener("load", draw, { once: true });
  return canvas;
};
const element = (tag, name, text) => {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
};
