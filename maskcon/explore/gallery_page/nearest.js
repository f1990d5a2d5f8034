// The chosen image and its nearest ones.

const open = (image) => {
  selected = cursor = image;
  hovered = null;
  showTip(null);
  thumbnail(image, 84, at("chosen-image")).setAttribute("aria-label", finestNames[finest[image]]);
  at("chosen-name").textContent = finestNames[finest[image]];
  at("chosen-coarse").textContent = fine ? data.coarse.names[coarse[image]] : "";
  at("chosen-source").textContent = data.sources[image];
  at("nearest-title").textContent = `Nearest to image ${rows[image]}`;
  const near = nearestOf(image);
  at("nearest").replaceChildren(...near.map(({ image: other, cosine }, rank) => {
    const right = finest[other] === finest[image];
    const button = element("button", right ? "right" : "wrong");
    button.dataset.image = other;
    const label = finestNames[finest[other]];
    button.setAttribute("aria-label", `${rank + 1}: ${label}, ${right ? "same" : "another"} ${data.kind}, cosine ${cosine.toFixed(3)}`);
    button.append(thumbnail(other, 78), element("span", "label", `${right ? "✓" : "✗"} ${label}`), element("span", "rank", `${rank + 1} · ${cosine.toFixed(3)}`));
    button.addEventListener("click", () => {
      open(other);
      at("chosen-name").focus();
    });
    return element("li", "", button);
  }));
  at("chosen").hidden = false;
  at("hint").hidden = true;
  history.replaceState(null, "", `#image=${rows[image]}`);
  at("chosen").scrollIntoView({ block: "nearest" });
  bringIntoView(image);
  const right = near.filter((one) => finest[one.image] === finest[image]).length;
  say(`${finestNames[finest[image]]}: ${right} of ${near.length} nearest images are of the same ${data.kind}`);
  redraw();
};
const close = () => {
  if (selected !== null) history.replaceState(null, "", "#");
  selected = null;
  at("chosen").hidden = true;
  redraw();
};
at("close").addEventListener("click", () => {
  close();
  map.focus();
});
const say = (text) => (at("said").textContent = text);
const openLinked = () => {
  const image = rows.indexOf(Number((/^#image=(\d+)$/.exec(location.hash) || [])[1]));
  if (image >= 0) open(image);
};
window.addEventListener("hashchange", openLinked);
