// Images are picked by drawing around them, and what is shown is saved as a list.

let outline = null; // of what is being drawn: places on the stage
const startsLasso = (event) => pointers.size === 1 && (event.shiftKey || at("lasso").ariaPressed === "true");
const pickInside = (places) => {
  const path = pathOf(places);
  pen.resetTransform();
  const inside = [...shown].filter((image) => pen.isPointInPath(path, screenX(image), screenY(image), "evenodd"));
  if (!inside.length) return;
  around = new Set(inside);
  filter();
};
at("lasso").addEventListener("click", () => press(at("lasso"), at("lasso").ariaPressed !== "true"));

// The columns are those of a folder's labels.csv.
const asCsv = (lines) =>
  lines.map((line) => line.map((cell) => `"${cell.replaceAll('"', '""')}"`).join()).join("\r\n");
at("save").addEventListener("click", () => {
  const images = [...shown].map((image) => [data.sources[image], coarseNameOf(image), nameOf(image)]);
  const text = asCsv([["path", "coarse", "fine"], ...images].map((line) => line.slice(0, fine ? 3 : 2)));
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  Object.assign(element("a"), { href: address, download: "images.csv" }).click();
});
