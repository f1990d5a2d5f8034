// Mouse and fingers.

const pointers = new Map();
let moved = 0;
map.addEventListener("pointerdown", (event) => {
  map.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, { left: event.offsetX, top: event.offsetY });
  if (pointers.size === 1) moved = 0;
  outline = startsLasso(event) ? [...pointers.values()] : null;
  hover(null);
});
map.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  const now = { left: event.offsetX, top: event.offsetY };
  if (!before) return hover(imageAt(now.left, now.top), event.pointerType === "mouse");
  moved += Math.hypot(now.left - before.left, now.top - before.top);
  if (outline) outline.push(now);
  else if (pointers.size === 2) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const apart = (one) => Math.max(1, Math.hypot(one.left - other.left, one.top - other.top));
    zoomBy(apart(now) / apart(before), other.left, other.top);
  } else if (moved > 4) {
    map.classList.add("dragged");
    fittedTo = null;
    move(now.left - before.left, now.top - before.top);
  }
  pointers.set(event.pointerId, now);
  redraw();
});
const released = (event) => {
  if (!pointers.delete(event.pointerId)) return;
  map.classList.remove("dragged");
  const drawn = outline;
  outline = null;
  redraw();
  if (event.type === "pointercancel" || pointers.size) return;
  if (moved > 4) return drawn && pickInside(drawn);
  const image = imageAt(event.offsetX, event.offsetY);
  if (image === null) close();
  else open(image);
};
for (const type of ["pointerup", "pointercancel"]) map.addEventListener(type, released);
map.addEventListener("pointerleave", () => hover(null));
map.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.offsetX, event.offsetY);
  hover(null);
}, { passive: false });

const hover = (image, wantsTip = false) => {
  if (image === hovered) return;
  hovered = image;
  map.classList.toggle("over", image !== null);
  redraw();
  const tip = at("tip");
  tip.hidden = image === null || !wantsTip;
  if (tip.hidden) return;
  tip.replaceChildren(thumbnail(image, 112), element("b", "", nameOf(image)));
  if (fine) tip.append(element("span", "", coarseNameOf(image)));
  const [left, top] = [screenX(image), screenY(image)];
  const gap = side() / 2 + 10;
  const across = left + gap + tip.offsetWidth < mapWidth ? left + gap : left - gap - tip.offsetWidth;
  const down = Math.min(Math.max(8, top - tip.offsetHeight / 2), mapHeight - tip.offsetHeight - 8);
  tip.style.transform = `translate(${Math.max(8, across)}px, ${down}px)`;
};
