// What a person does with the map: pointer, nearest images, keyboard.

// ---- pointer

const pointers = new Map();
let moved = 0;
map.addEventListener("pointerdown", (event) => {
  map.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, { left: event.offsetX, top: event.offsetY });
  if (pointers.size === 1) moved = 0;
  showTip(null);
});
map.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  const now = { left: event.offsetX, top: event.offsetY };
  if (!before) return hover(now, event.pointerType === "mouse");
  moved += Math.hypot(now.left - before.left, now.top - before.top);
  if (pointers.size === 2) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const apart = (one) => Math.max(1, Math.hypot(one.left - other.left, one.top - other.top));
    zoomBy(apart(now) / apart(before), other.left, other.top);
  } else if (moved > 4) {
    map.classList.add("dragged");
    view.left += now.left - before.left;
    view.top += now.top - before.top;
  }
  pointers.set(event.pointerId, now);
  redraw();
});
const released = (event) => {
  if (!pointers.delete(event.pointerId)) return;
  map.classList.remove("dragged");
  if (event.type === "pointerup" && moved <= 4 && pointers.size === 0) {
    const image = imageAt(event.offsetX, event.offsetY);
    if (image === null) close();
    else open(image);
  }
};
map.addEventListener("pointerup", released);
map.addEventListener("pointercancel", released);
map.addEventListener("pointerleave", () => hover(null));
map.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.offsetX, event.offsetY);
  showTip(null);
}, { passive: false });

const hover = (place, wantsTip = false) => {
  const image = place && imageAt(place.left, place.top);
  if (image === hovered) return;
  hovered = image;
  map.classList.toggle("over", image !== null);
  showTip(wantsTip ? image : null);
  redraw();
};
const showTip = (image) => {
  const tip = at("tip");
  tip.hidden = image === null;
  if (image === null) return;
  tip.replaceChildren(thumbnail(image, 112), element("b", "", finestNames[finest[image]]));
  if (fine) tip.append(element("span", "", data.coarse.names[coarse[image]]));
  const [left, top] = [screenX(image), screenY(image)];
  const gap = side() / 2 + 10;
  const { offsetWidth: width, offsetHeight: height } = tip;
  const across = left + gap + width < stage.clientWidth ? left + gap : left - gap - width;
  const down = Math.min(Math.max(8, top - height / 2), stage.clientHeight - height - 8);
  tip.style.transform = `translate(${Math.max(8, across)}px, ${down}px)`;
};

// ---- neighbours

const open = (image) => {
  selected = cursor = image;
  hovered = null;
  showTip(null);
  thumbnail(image, 84, at("chosen-image")).setAttribute("aria-label", finestNames[finest[image]]);
  at("chosen-name").textContent = finestNames[finest[image]];
  at("chosen-coarse").textContent = fine ? data.coarse.names[coarse[image]] : "";
  at("chosen-source").textContent = data.sources[image];
  const near = nearestOf(image);
  at("nearest").replaceChildren(...near.map(({ image: other, cosine }, rank) => {
    const right = finest[other] === finest[image];
    const button = element("button", right ? "right" : "wrong");
    button.type = "button";
    button.dataset.image = other;
    const label = finestNames[finest[other]];
    button.setAttribute("aria-label", `${rank + 1}: ${label}, ${right ? "same" : "another"} ${data.kind}, cosine ${cosine.toFixed(3)}`);
    button.append(thumbnail(other, 78), element("span", "label", `${right ? "✓" : "✗"} ${label}`), element("span", "rank", `${rank + 1} · ${cosine.toFixed(3)}`));
    button.addEventListener("click", () => {
      open(other);
      at("chosen-name").focus();
    });
    const item = element("li");
    item.append(button);
    return item;
  }));
  at("chosen").hidden = false;
  document.querySelector("aside").scrollTop = 0;
  bringIntoView(image);
  const right = near.filter((one) => finest[one.image] === finest[image]).length;
  say(`${finestNames[finest[image]]}: ${right} of ${near.length} nearest images are of the same ${data.kind}`);
  redraw();
};
const close = () => {
  selected = null;
  at("chosen").hidden = true;
  redraw();
};
at("close").addEventListener("click", () => {
  close();
  map.focus();
});
const say = (text) => (at("said").textContent = text);

// ---- keyboard

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const step = (from, [right, down]) => {
  let [found, best] = [from, Infinity];
  for (let image = 0; image < count; image++) {
    if (image === from || !matches[image]) continue;
    const [across, along] = [(x[image] - x[from]) * stretch, y[image] - y[from]];
    const ahead = across * right + along * down;
    const aside = Math.abs(across * down) + Math.abs(along * right);
    if (ahead <= 0 || aside > 2 * ahead) continue;
    const score = ahead + 2 * aside;
    if (score < best) [found, best] = [image, score];
  }
  return found;
};
const firstCursor = () => {
  const images = matching();
  const far = (image) => Math.hypot(screenX(image) - stage.clientWidth / 2, screenY(image) - stage.clientHeight / 2);
  return images.reduce((best, image) => (best === null || far(image) < far(best) ? image : best), null);
};
map.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in DIRECTIONS) {
    cursor = cursor === null || !matches[cursor] ? firstCursor() : step(cursor, DIRECTIONS[event.key]);
    if (cursor !== null) {
      bringIntoView(cursor);
      say(`${finestNames[finest[cursor]]}${fine ? `, ${data.coarse.names[coarse[cursor]]}` : ""}`);
    }
    redraw();
  } else if ((event.key === "Enter" || event.key === " ") && cursor !== null) {
    open(cursor);
    at("chosen-name").focus();
  } else if (event.key === "+" || event.key === "=") zoomBy(1.3);
  else if (event.key === "-") zoomBy(1 / 1.3);
  else if (event.key === "0") fit(matching());
  else return;
  event.preventDefault();
});
map.addEventListener("focus", redraw);
map.addEventListener("blur", redraw);
at("chosen").addEventListener("keydown", (event) => {
  const buttons = [...at("nearest").querySelectorAll("button")];
  const here = buttons.indexOf(document.activeElement);
  const move = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: here < 0 ? 1 : 3, ArrowUp: -3 }[event.key];
  if (move === undefined || !buttons.length) return;
  buttons[Math.min(buttons.length - 1, Math.max(0, here + move))].focus();
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (selected !== null) {
    close();
    map.focus();
  } else clearFilters();
});
