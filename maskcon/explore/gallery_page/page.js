// The beginning.

for (const id of ["name", "run", "summary"]) at(id).textContent = data[id];
list("coarse", new Set(coarse), data.coarse.names);
at("zoom-in").addEventListener("click", () => zoomBy(1.5));
at("zoom-out").addEventListener("click", () => zoomBy(1 / 1.5));
at("zoom-fit").addEventListener("click", () => fit(everything));
showTheme();
new ResizeObserver(resize).observe(stage);
resize();
listPairs();
clearFilters();
openLinked();

// For tests and the curious: where an image is on the screen, what is shown.
window.gallery = {
  placeOf: (image) => ({ x: screenX(image), y: screenY(image) }),
  state: () => ({ selected, cursor, matching: shown.size, scale: view.scale / fitted }),
};
