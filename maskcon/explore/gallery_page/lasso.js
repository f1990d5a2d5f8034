// Images are picked by drawing around them, and what is shown is saved as a list.

let outline = null; // of what is being drawn: places on the stage
const startsLasso = (event) => pointers.size === 1 && (event.shiftKey || at("lasso").ariaPressed === "true");
const drawOutline = () => {
  pen.strokeStyle = style.accent;
  pen.lineWidth = 2;
  pen.setLineDash([5, 3]);
  pen.beginPath();
  for (const { left, top } of outline) pen.lineTo(left, top);
  pen.closePath();
  pen.stroke();
  pen.setLineDash([]);
};
const isInside = (left, top, corners) =>
  corners.reduce((inside, one, place) => {
    const other = corners.at(place - 1);
    const crosses = one.top > top !== other.top > top && left < one.left + ((other.left - one.left) * (top - one.top)) / (other.top - one.top);
    return crosses ? !inside : inside;
  }, false);
const pickInside = (corners) => {
  const picked = matching().filter((image) => isInside(screenX(image), screenY(image), corners));
  if (picked.length) filter({ ...wanted, lasso: new Set(picked) });
};
at("lasso").addEventListener("click", () => at("lasso").setAttribute("aria-pressed", String(at("lasso").ariaPressed !== "true")));

// The columns are those of a folder's labels.csv.
const asCsv = (rows) => rows.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join()).join("\r\n");
at("save").addEventListener("click", () => {
  const images = matching().map((image) => [data.sources[image], data.coarse.names[coarse[image]], ...(fine ? [data.fine.names[fine[image]]] : [])]);
  const text = asCsv([["path", "coarse", ...(fine ? ["fine"] : [])], ...images]);
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = "images.csv";
  link.click();
});
