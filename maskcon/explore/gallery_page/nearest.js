// The chosen image and its nearest ones.

const open = (image) => {
  selected = cursor = image;
  hover(null);
  thumbnail(image, 84, at("chosen-image")).setAttribute("aria-label", nameOf(image));
  at("chosen-name").textContent = nameOf(image);
  at("chosen-coarse").textContent = fine ? coarseNameOf(image) : "";
  at("chosen-source").textContent = data.sources[image];
  at("nearest-title").textContent = `Nearest to image ${rows[image]}`;
  const near = [...nearestOf(image)];
  at("nearest").replaceChildren(...near.map((other, rank) => element("li", "", neighbour(image, other, rank))));
  at("chosen").hidden = false;
  at("hint").hidden = true;
  history.replaceState(null, "", `#image=${rows[image]}`);
  at("chosen").scrollIntoView({ block: "nearest" });
  bringIntoView(image);
  const right = near.filter((other) => areAlike(image, other)).length;
  say(`${nameOf(image)}: ${right} of ${near.length} nearest images are of the same ${data.kind}`);
};
const visit = (image) => {
  open(image);
  at("chosen-name").focus();
};
const neighbour = (image, other, rank) => {
  const [kind, mark, said] = areAlike(image, other) ? ["right", "✓", "same"] : ["wrong", "✗", "another"];
  const near = cosine(image, rank);
  const label = element("span", "label", `${mark} ${nameOf(other)}`);
  const place = element("span", "rank", `${rank + 1} · ${near}`);
  const button = clickable(kind, () => visit(other), thumbnail(other, 78), label, place);
  button.dataset.image = other;
  button.setAttribute("aria-label", `${rank + 1}: ${nameOf(other)}, ${said} ${data.kind}, cosine ${near}`);
  return button;
};
const close = () => {
  if (selected !== null) history.replaceState(null, "", "#");
  selected = null;
  at("chosen").hidden = true;
  redraw();
};
const backToMap = () => {
  close();
  map.focus();
};
at("close").addEventListener("click", backToMap);
const say = (text) => (at("said").textContent = text);
const openLinked = () => {
  const image = rows.indexOf(Number((/^#image=(\d+)$/.exec(location.hash) || [])[1]));
  if (image >= 0) open(image);
};
window.addEventListener("hashchange", openLinked);
