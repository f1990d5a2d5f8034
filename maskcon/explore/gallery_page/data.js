// The images and their classes. All that a person named is set as text, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);

const unpacked = (text, kind) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new kind(bytes.buffer); // the lowest byte first, as on all machines that run browsers
};
const coarse = unpacked(data.coarse.of, Uint16Array);
const fine = data.fine && unpacked(data.fine.of, Uint16Array);
const finest = fine || coarse;
const finestNames = (data.fine || data.coarse).names;
const colour = unpacked(data.colour, Uint16Array);
const rows = unpacked(data.rows, Uint32Array); // numbers of the images in their part of the set
const everything = [...rows.keys()];
const nameOf = (image) => finestNames[finest[image]];
const coarseNameOf = (image) => data.coarse.names[coarse[image]];
const areAlike = (image, other) => finest[image] === finest[other];

const number = (value) => value.toLocaleString("en");
const element = (tag, name, ...parts) => {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...parts);
  return made;
};
const clickable = (name, act, ...parts) => {
  const button = element("button", name, ...parts);
  button.addEventListener("click", act);
  return button;
};
const press = (button, isPressed) => button.setAttribute("aria-pressed", String(isPressed));
