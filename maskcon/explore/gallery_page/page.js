// The beginning.

at("name").textContent = data.name;
at("run").textContent = data.run;
const classes = fine ? `${several(data.fine.names.length, "fine class")} in ${several(data.coarse.names.length, "coarse class")}` : several(data.coarse.names.length, "coarse class");
const part = data.images > count ? `${number(count)} of ${several(data.images, "image")}, drawn at random; neighbours are among these. ` : `${several(count, "image")}, `;
at("summary").textContent = `${part}${classes}. Near on the map means alike to the encoder (t-SNE).`;
at("coarse").append(option("", `all ${number(data.coarse.names.length)}`), ...sorted(data.coarse.names.keys(), data.coarse.names).map((label) => option(label, data.coarse.names[label])));
at("fine").hidden = at("fine-label").hidden = !fine;
describeFeatures();
setTheme(remembered() || (preferred.matches ? "dark" : "light"));
new ResizeObserver(resize).observe(stage);
resize();
clearFilters();
openLinked();

// For tests and the curious: where an image is on the screen, what is shown.
window.gallery = {
  placeOf: (image) => ({ x: screenX(image), y: screenY(image) }),
  state: () => ({ selected, cursor, matching: matching().length, scale: view.scale / fitted, thumbnails: thumbnails.length }),
  ready: () => sheets.every((sheet) => sheet.complete && sheet.naturalWidth > 0),
};
