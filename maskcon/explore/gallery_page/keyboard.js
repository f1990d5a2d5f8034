// All of it without a mouse.

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
for (const type of ["focus", "blur"]) map.addEventListener(type, redraw);
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
