// Which images are shown: those that match all of the fields, the pair of classes and what was drawn around.

let pair = null; // labels of two classes
let around = null; // a set of images
const MOST_LISTED = 200; // more classes are found by the search box
const list = (select, labels, names) => {
  at(select).hidden = at(`${select}-label`).hidden = labels.size > MOST_LISTED;
  const picked = at(select).value;
  const byName = [...labels].sort((a, b) => names[a].localeCompare(names[b], "en", { numeric: true }));
  const options = byName.map((label) => new Option(names[label], label));
  at(select).replaceChildren(new Option(`all ${number(options.length)}`, ""), ...options);
  at(select).value = picked;
};
const isPicked = (picked, label) => picked === "" || Number(picked) === label;
const saidOf = (image) => `${nameOf(image)}\n${coarseNameOf(image)}\n${data.sources[image]}`.toLowerCase();
const filter = () => {
  const [text, onlyWrong] = [at("find").value.trim().toLowerCase(), at("wrong").checked];
  const [pickedCoarse, pickedFine] = [at("coarse").value, at("fine").value];
  const ofCoarse = everything.filter((image) => isPicked(pickedCoarse, coarse[image]));
  if (fine) list("fine", new Set(ofCoarse.map((image) => fine[image])), finestNames);
  const matches = (image) =>
    isPicked(pickedFine, finest[image]) &&
    (!pair || pair.includes(finest[image])) &&
    (!around || around.has(image)) &&
    (!onlyWrong || !areAlike(image, nearestOf(image)[0])) &&
    saidOf(image).includes(text);
  shown = new Set(ofCoarse.filter(matches));
  const both = pair ? `: ${pair.map((label) => finestNames[label]).join(" and ")}` : "";
  at("shown").textContent = `${number(shown.size)} of ${number(everything.length)} images${both}`;
  at("clear").hidden = shown.size === everything.length;
  press(at("lasso"), false);
  for (const button of at("pairs").querySelectorAll("button")) press(button, button.dataset.pair === String(pair));
  close();
  cursor = null;
  findNames();
  fit([...shown]);
};
const pick = (coarseLabel, fineLabel, labels) => {
  [at("coarse").value, at("fine").value, pair] = [coarseLabel, fineLabel, labels];
  filter();
};
const clearFilters = () => {
  at("find").value = "";
  at("wrong").checked = false;
  around = null;
  pick("", "", null);
};
at("coarse").addEventListener("change", () => pick(at("coarse").value, "", null));
at("fine").addEventListener("change", () => pick(at("coarse").value, at("fine").value, null));
at("wrong").addEventListener("change", filter);
at("find").addEventListener("input", filter);
at("clear").addEventListener("click", clearFilters);

const listPairs = () => {
  const classes = data.kind.replace("class", "classes");
  at("confused-what").textContent = current.pairs.length
    ? `Of the images of both ${classes}, the share whose nearest image is of the other one.`
    : `Every image's nearest one is of its own ${data.kind}.`;
  at("pairs").replaceChildren(...current.pairs.map((one) => element("li", "", confusedPair(...one))));
};
const confusedPair = (one, other, confused, images) => {
  const labels = [one, other];
  const classes = (image) => [finest[image], finest[nearestOf(image)[0]]];
  const misled = everything.find((image) => labels.every((label) => classes(image).includes(label)));
  const share = `${((100 * confused) / images).toFixed(1)}%`;
  const bar = element("i");
  bar.style.width = share;
  const button = clickable("", () => pick("", "", button.ariaPressed === "true" ? null : labels));
  button.append(
    element("span", "misled", thumbnail(misled, 32), "→", thumbnail(nearestOf(misled)[0], 32)),
    element("span", "names", `${finestNames[one]} · ${finestNames[other]}`),
    element("span", "bar", bar),
    element("span", "share", `${share}\n${number(confused)} of ${number(images)}`),
  );
  button.title = "An image, and its nearest one";
  button.dataset.pair = labels;
  return button;
};
