// Which images are shown.

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
const saidOf = (image) => `${finestNames[finest[image]]}\n${data.coarse.names[coarse[image]]}\n${data.sources[image]}`.toLowerCase();
const filter = (next) => {
  wanted = { coarse: null, fine: null, pair: null, wrong: false, lasso: null, text: "", ...next };
  const text = wanted.text.trim().toLowerCase();
  for (let image = 0; image < count; image++)
    matches[image] =
      (wanted.coarse === null || coarse[image] === wanted.coarse) &&
      (wanted.fine === null || fine[image] === wanted.fine) &&
      (wanted.pair === null || wanted.pair.includes(finest[image])) &&
      (!wanted.wrong || nearestIsWrong(image)) &&
      (wanted.lasso === null || wanted.lasso.has(image)) &&
      (!text || saidOf(image).includes(text));
  at("coarse").value = wanted.coarse === null ? "" : String(wanted.coarse);
  if (fine) listFine();
  const all = Object.values(wanted).every((one) => !one && one !== 0);
  at("wrong").checked = wanted.wrong;
  at("find").value = wanted.text;
  at("shown").textContent = `${number(matching().length)} of ${several(count, "image")}${wanted.pair ? `: ${wanted.pair.map((label) => finestNames[label]).join(" and ")}` : ""}`;
  at("clear").hidden = all;
  at("lasso").setAttribute("aria-pressed", "false");
  for (const button of at("pairs").querySelectorAll("button")) button.setAttribute("aria-pressed", String(wanted.pair !== null && button.dataset.pair === wanted.pair.join()));
  close();
  cursor = null;
  findNames();
  fit(all ? everything() : matching());
};
const clearFilters = () => filter({});
const picked = (id) => (at(id).value === "" ? null : Number(at(id).value));
at("coarse").addEventListener("change", () => filter({ ...wanted, coarse: picked("coarse"), fine: null, pair: null }));
at("fine").addEventListener("change", () => filter({ ...wanted, fine: picked("fine"), pair: null }));
at("wrong").addEventListener("change", () => filter({ ...wanted, wrong: at("wrong").checked }));
at("find").addEventListener("input", () => filter({ ...wanted, text: at("find").value }));
at("clear").addEventListener("click", clearFilters);
at("zoom-in").addEventListener("click", () => zoomBy(1.5));
at("zoom-out").addEventListener("click", () => zoomBy(1 / 1.5));
at("zoom-fit").addEventListener("click", () => fit(everything()));

const listPairs = () => {
  const { pairs } = data.features[current];
  at("confused-what").textContent = pairs.length
    ? `Of the images of both ${data.kind.replace("class", "classes")}, the share whose nearest image is of the other one.`
    : `Every image's nearest one is of its own ${data.kind}.`;
  at("pairs").replaceChildren(...pairs.map(([one, other, confused, images]) => {
    const button = element("button");
    button.dataset.pair = [one, other].join();
    const filled = element("i");
    filled.style.width = `${(100 * confused) / images}%`;
    const isMisled = (image) => [finest[image], finest[nearestOf(image)[0].image]].sort((a, b) => a - b).join() === button.dataset.pair;
    const misled = everything().find(isMisled);
    button.title = "An image, and its nearest one";
    button.append(element("span", "misled", thumbnail(misled, 32), "→", thumbnail(nearestOf(misled)[0].image, 32)), element("span", "names", `${finestNames[one]} · ${finestNames[other]}`), element("span", "bar", filled), element("span", "share", `${((100 * confused) / images).toFixed(1)}%\n${number(confused)} of ${number(images)}`));
    button.addEventListener("click", () => (button.ariaPressed === "true" ? clearFilters() : filter({ ...wanted, coarse: null, fine: null, pair: [one, other] })));
    return element("li", "", button);
  }));
};
