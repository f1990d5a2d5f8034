// Names at the upper rim of classes that hold together: coarse ones, or fine ones once a coarse class is picked.

const MOST_NAMES = 30;
const FONT = "600 13px system-ui, sans-serif";
let named = [];
const findNames = () => {
  const [labels, names] = fine && (at("coarse").value || pair) ? [fine, finestNames] : [coarse, data.coarse.names];
  const members = Map.groupBy(shown, (image) => labels[image]);
  const whole = spread(everything).reach;
  const ofClass = ([label, images]) => ({ text: names[label], size: images.length, ...spread(images) });
  const holdsTogether = ({ size, reach }) => size > 4 && reach < 0.75 * whole;
  const classes = members.size > MOST_NAMES ? [] : [...members];
  named = classes.map(ofClass).filter(holdsTogether).sort((a, b) => b.size - a.size);
};
const spread = (images) => {
  const [across, down] = [inOrder(x, images), inOrder(y, images)];
  const middle = Math.floor(images.length / 2);
  const [u, v, rim] = [across[middle], down[middle], down[Math.floor(images.length / 10)]];
  const away = images.map((image) => Math.hypot(x[image] - u, y[image] - v));
  return { u, rim, reach: away.reduce((sum, one) => sum + one, 0) / images.length };
};
const placedNames = () => {
  pen.font = FONT;
  const placed = [];
  for (const { text, u, rim } of named) {
    const short = text.length > 28 ? `${text.slice(0, 20)}…${text.slice(-6)}` : text;
    const [left, top] = [view.left + u * view.scale * stretch, view.top + rim * view.scale];
    const half = pen.measureText(short).width / 2 + 4;
    const meets = (other) => Math.abs(other.left - left) < other.half + half && Math.abs(other.top - top) < 18;
    if (!placed.some(meets)) placed.push({ short, left, top, half });
  }
  return placed;
};
const drawNames = (names) => {
  centred(FONT);
  pen.lineJoin = "round";
  pen.setLineDash([]);
  pen.strokeStyle = ink("halo");
  pen.lineWidth = 4.5;
  pen.fillStyle = ink("ink");
  for (const { short, left, top } of names) {
    pen.strokeText(short, left, top);
    pen.fillText(short, left, top);
  }
};
