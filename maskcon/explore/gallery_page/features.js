// The encoders' features, of which one kind is shown: a map, nearest images, confused pairs.

let current, x, y, neighbours, cosines;
const readFeatures = (place) => {
  current = data.features[place];
  x = Float32Array.from(unpacked(current.x, Uint16Array), (step) => step / 65535);
  y = Float32Array.from(unpacked(current.y, Uint16Array), (step) => 1 - step / 65535); // upwards, as in the figures
  neighbours = unpacked(current.neighbours, Uint16Array);
  cosines = unpacked(current.cosines, Int16Array);
  at("recall").textContent = current.recall;
  switches.forEach((button, other) => press(button, other === place));
};
const nearestOf = (image) => neighbours.subarray(image * data.perImage, (image + 1) * data.perImage);
const cosine = (image, rank) => (cosines[image * data.perImage + rank] / 32767).toFixed(3);

const switchTo = (place) => {
  const chosen = selected;
  readFeatures(place);
  listPairs();
  filter();
  if (chosen !== null) open(chosen);
};
const switches = data.features.map(({ title }, place) => clickable("", () => switchTo(place), title));
at("features").append(...switches);
readFeatures(switches.length - 1); // the trained encoder
