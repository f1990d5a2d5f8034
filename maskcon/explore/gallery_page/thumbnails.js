// Thumbnails, drawn from sheets

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
