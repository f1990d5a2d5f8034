// All of it without a mouse.

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const step = (from, [right, down]) => {
  const effort = (image) => {
    const [across, along] = [(x[image] - x[from]) * stretch, y[image] - y[from]];
    const ahead = across * right + along * down;
    const aside = Math.abs(across * down) + Math.abs(along * right);
    return ahead > 0 && aside <= 2 * ahead ? ahead + 2 * aside : Infinity;
  };
  return least(effort) ?? from;
};
const inTheMiddle = () => least((image) => Math.hypot(screenX(image) - mapWidth / 2, screenY(image) - mapHeight / 2));
map.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in DIRECTIONS) {
    cursor = shown.has(cursor) ? step(cursor, DIRECTIONS[event.key]) : inTheMiddle();
    if (cursor !== null) {
      bringIntoView(cursor);
      say(fine ? `${nameOf(cursor)}, ${coarseNameOf(cursor)}` : nameOf(cursor));
    }
    redraw();
  } else if ((event.key === "Enter" || event.key === " ") && cursor !== null) visit(cursor);
  else if (event.key === "+" || event.key === "=") zoomBy(1.3);
  else if (event.key === "-") zoomBy(1 / 1.3);
  else if (event.key === "0") fit([...shown]);
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
  if (selected !== null) backToMap();
  else clearFilters();
});
