// Thumbnails, drawn from sheets.

const sheets = data.sprites.sheets.map((src) => Object.assign(new Image(), { src }));
await Promise.all(sheets.map((sheet) => sheet.decode()));
const shape = data.sprites.width / data.sprites.height;
const drawThumbnail = (context, image, left, top, width, height) => {
  const { columns, perSheet, width: w, height: h } = data.sprites;
  const place = image % perSheet;
  context.imageSmoothingEnabled = !(data.crisp && width > w);
  const [across, down] = [(place % columns) * w, Math.floor(place / columns) * h];
  context.drawImage(sheets[Math.floor(image / perSheet)], across, down, w, h, left, top, width, height);
};
const boxed = (side) => (shape >= 1 ? [side, side / shape] : [side * shape, side]); // width, height within a square
const thumbnail = (image, side, canvas = document.createElement("canvas")) => {
  const [width, height] = boxed(side);
  const ratio = Math.max(2, devicePixelRatio);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  drawThumbnail(canvas.getContext("2d"), image, 0, 0, canvas.width, canvas.height);
  return canvas;
};
