// What stands beside the map: filters, light and dark, names and numbers.

// ---- filters

const option = (value, text) => {
  const made = element("option", "", text);
  made.value = value;
  return made;
};
const sorted = (labels, names) => [...labels].sort((a, b) => names[a].localeCompare(names[b], "en", { numeric: true }));
const listFine = () => {
  const labels = new Set();
  for (let image = 0; image < count; image++) if (wanted.coarse === null || coarse[image] === wanted.coarse) labels.add(fine[image]);
  at("fine").replaceChildren(option("", `all ${number(labels.size)}`), ...sorted(labels, data.fine.names).map((label) => option(label, data.fine.names[label])));
  at("fine").value = wanted.fine === null ? "" : String(wanted.fine);
};
const filter = (next) => {
  wanted = { coarse: null, fine: null, pair: null, ...next };
  for (let image = 0; image < count; image++)
    matches[image] =
      (wanted.coarse === null || coarse[image] === wanted.coarse) &&
      (wanted.fine === null || fine[image] === wanted.fine) &&
      (wanted.pair === null || wanted.pair.includes(finest[image]));
  at("coarse").value = wanted.coarse === null ? "" : String(wanted.coarse);
  if (fine) listFine();
  const shown = matching().length;
  const all = wanted.coarse === null && wanted.fine === null && wanted.pair === null;
  at("shown").textContent = `${number(shown)} of ${several(count, "image")}${wanted.pair ? `: ${wanted.pair.map((label) => finestNames[label]).join(" and ")}` : ""}`;
  at("clear").hidden = all;
  for (const button of at("pairs").querySelectorAll("button")) button.setAttribute("aria-pressed", String(wanted.pair !== null && button.dataset.pair === wanted.pair.join()));
  close();
  cursor = null;
  findNames();
  fit(all ? everything() : matching());
};
const clearFilters = () => filter({});
const picked = (id) => (at(id).value === "" ? null : Number(at(id).value));
at("coarse").addEventListener("change", () => filter({ coarse: picked("coarse") }));
at("fine").addEventListener("change", () => filter({ coarse: picked("coarse"), fine: picked("fine") }));
at("clear").addEventListener("click", clearFilters);
at("zoom-in").addEventListener("click", () => zoomBy(1.5));
at("zoom-out").addEventListener("click", () => zoomBy(1 / 1.5));
at("zoom-fit").addEventListener("click", () => fit(everything()));

// ---- light and dark

const preferred = window.matchMedia("(prefers-color-scheme: dark)");
const remembered = () => {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null; // a page opened from a file may have no storage
  }
};
const setTheme = (theme) => {
  document.documentElement.dataset.theme = theme;
  readStyle();
  redraw();
};
at("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // then it is not remembered
  }
  setTheme(theme);
});
preferred.addEventListener("change", () => remembered() || setTheme(preferred.matches ? "dark" : "light"));

// ---- beginning

at("name").textContent = data.name;
const classes = fine ? `${several(data.fine.names.length, "fine class")} in ${several(data.coarse.names.length, "coarse class")}` : several(data.coarse.names.length, "coarse class");
const part = data.images > count ? `${number(count)} of ${several(data.images, "image")}, drawn at random; neighbours are among these. ` : `${several(count, "image")}, `;
at("summary").textContent = `${part}${classes}. Near on the map means alike to the encoder (t-SNE).`;
at("coarse").append(option("", `all ${number(data.coarse.names.length)}`), ...sorted(data.coarse.names.keys(), data.coarse.names).map((label) => option(label, data.coarse.names[label])));
at("fine").hidden = at("fine-label").hidden = !fine;
at("confused-what").textContent = data.pairs.length
  ? `Of the images of both ${data.kind.replace("class", "classes")}, the share whose nearest image is of the other one.`
  : `Every image's nearest one is of its own ${data.kind}.`;
const highest = data.pairs.length ? data.pairs[0][2] / data.pairs[0][3] : 1;
at("pairs").append(...data.pairs.map(([one, other, confused, images]) => {
  const button = element("button");
  button.type = "button";
  button.dataset.pair = [one, other].join();
  const bar = element("span", "bar");
  const filled = element("i");
  filled.style.width = `${(100 * confused) / images / highest}%`;
  bar.append(filled);
  button.append(element("span", "names", `${finestNames[one]} · ${finestNames[other]}`), bar, element("span", "share", `${Math.round((100 * confused) / images)}%`));
  button.title = `${number(confused)} of ${several(images, "image")}`;
  button.addEventListener("click", () => (wanted.pair && wanted.pair.join() === button.dataset.pair ? clearFilters() : filter({ pair: [one, other] })));
  const item = element("li");
  item.append(button);
  return item;
}));
setTheme(remembered() || (preferred.matches ? "dark" : "light"));
new ResizeObserver(resize).observe(stage);
resize();
clearFilters();

// For tests and the curious: where an image is on the screen, what is shown, how long a drawing takes.
window.gallery = {
  placeOf: (image) => ({ x: screenX(image), y: screenY(image) }),
  state: () => ({ selected, cursor, matching: matching().length, scale: view.scale / fitted, thumbnails: thumbnails.length }),
  ready: () => sheets.every((sheet) => sheet.complete && sheet.naturalWidth > 0),
  zoomTo: (factor) => zoomBy((factor * fitted) / view.scale),
  drawingMilliseconds: (times) =>
    Array.from({ length: times }, (_, time) => {
      const start = performance.now();
      view.left += time % 2 ? 7 : -7;
      draw();
      pen.getImageData(0, 0, 1, 1); // waits until all is painted
      return performance.now() - start;
    }),
};
