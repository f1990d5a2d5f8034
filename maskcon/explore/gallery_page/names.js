// Names at the upper rim of classes that hold together: coarse ones, or fine ones once a coarse class is picked.
const MOST_NAMES = 30;
const quantile = (values, share) => Float32Array.from(values).sort()[Math.floor(values.length * share)];
let named = [];
const findNames = () => {
  const byFine = fine && (wanted.coarse !== null || wanted.pair !== null);
  const labels = byFine ? fine : coarse;
  const names = byFine ? data.fine.names : data.coarse.names;
  const members = new Map();
  for (const image of matching()) {
    if (!members.has(labels[image])) members.set(labels[image], []);
    members.get(labels[image]).push(image);
  }
  named = [];
  if (members.size > MOST_NAMES) return;
  const spread = (images) => {
    const [u, v] = [quantile(images.map((i) => x[i]), 0.5), quantile(images.map((i) => y[i]), 0.5)];
    return { u, rim: quantile(images.map((i) => y[i]), 0.1), reach: images.reduce((sum, i) => sum + Math.hypot(x[i] - u, y[i] - v), 0) / images.length };
  };
  const whole = spread(everything()).reach;
  for (const [label, images] of members) {
    const { u, rim, reach } = spread(images);
    if (images.length > 4 && reach < 0.75 * whole) named.push({ text: names[label], u, rim, images: images.length });
  }
  named.sort((a, b) => b.images - a.images);
};
const placedNames = () => {
  pen.font = "600 13px system-ui, sans-serif";
  const placed = [];
  for (const { text, u, rim } of named) {
    const shown = text.length > 28 ? `${text.slice(0, 20)}…${text.slice(-6)}` : text;
    const [left, top] = [view.left + u * view.scale * stretch, view.top + rim * view.scale];
    const half = pen.measureText(shown).width / 2 + 4;
    if (placed.some((other) => Math.abs(other.left - left) < other.half + half && Math.abs(other.top - top) < 18)) continue;
    placed.push({ shown, left, top, half });
  }
  return placed;
};
const drawNames = (names) => {
  pen.font = "600 13px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  pen.strokeStyle = style.halo;
  pen.lineWidth = 4.5;
  pen.fillStyle = style.ink;
  for (const { shown, left, top } of names) {
    pen.strokeText(shown, left, top);
    pen.fillText(shown, left, top);
  }
};
