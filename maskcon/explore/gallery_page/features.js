// The encoders' features, of which one kind is shown: a map, nearest images, confused pairs.

let current = data.features.length - 1; // the trained encoder
let x, y, neighbours, cosines;
const readFeatures = () => {
  const features = data.features[current];
  x = Float32Array.from(unpacked(features.x, Uint16Array), (step) => step / 65535);
  y = Float32Array.from(unpacked(features.y, Uint16Array), (step) => 1 - step / 65535); // upwards, as in the figures
  neighbours = unpacked(features.neighbours, Uint16Array);
  cosines = unpacked(features.cosines, Int16Array);
};
readFeatures();
const nearestOf = (image) =>
  Array.from({ length: data.perImage }, (_, rank) => ({
    image: neighbours[image * data.perImage + rank],
    cosine: cosines[image * data.perImage + rank] / 32767,
  }));
const nearestIsWrong = (image) => finest[neighbours[image * data.perImage]] !== finest[image];

const switches = data.features.map(({ title }, place) => {
  const button = element("button", "", title);
  button.addEventListener("click", () => {
    const chosen = selected;
    current = place;
    readFeatures();
    describeFeatures();
    filter(wanted);
    if (chosen !== null) open(chosen);
  });
  return button;
});
const describeFeatures = () => {
  at("recall").textContent = data.features[current].recall;
  switches.forEach((button, place) => button.setAttribute("aria-pressed", String(place === current)));
  listPairs();
};
at("features").append(...switches);
at("features").hidden = switches.length === 1;
