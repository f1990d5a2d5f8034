
"use strict";
// The gallery's page. Reads the JSON in #data; whatever a person named is set as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);

  // ---- what is shown

  const unpacked = (text, kind) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new kind(bytes.buffer); // the lowest byte first, as on all machines that run browsers
  };
  const x = Float32Array.from(unpacked(data.x, Uint16Array), (step) => step / 65535);
  const y = Float32Array.from(unpacked(data.y, Uint16Array), (step) => 1 - step / 65535); // upwards, as in the figures
  const coarse = unpacked(data.coarse.of, Uint16Array);
  const fine = data.fine && unpacked(data.fine.of, Uint16Array);
  const finest = fine || coarse;
  const finestNames = (data.fine || data.coarse).names;
  const colour = unpacked(data.colour, Uint16Array);
  const neighbours = unpacked(data.neighbours, Uint16Array);
  const cosines = unpacked(data.cosines, Int16Array);
  const count = x.length;
  const number = (value) => value.toLocaleString("en");
  const several = (value, word) => `${number(value)} ${word}${value === 1 ? "" : word.endsWith("s") ? "es" : "s"}`;
  const nearestOf = (image) =>
    Array.from({ length: data.perImage }, (_, rank) => ({
      image: neighbours[image * data.perImage + rank],
      cosine: cosines[image * data.perImage + rank] / 32767,
    }));

  // ---- thumbnails, drawn from sheets

  const sheets = data.sprites.sheets.map((uri) => {
    const sheet = new Image();
    sheet.onload = () => redraw();
    sheet.src = uri;
    return sheet;
  });
  const shape = data.sprites.width / data.sprites.height;
  const drawThumbnail = (context, image, left, top, width, height) => {
    const { columns, perSheet, width: w, height: h } = data.sprites;
    const sheet = sheets[Math.floor(image / perSheet)];
    if (!sheet.complete || !sheet.naturalWidth) return;
    const place = image % perSheet;
    context.imageSmoothingEnabled = !(data.crisp && width > w);
    context.drawImage(sheet, (place % columns) * w, Math.floor(place / columns) * h, w, h, left, top, width, height);
  };
  const boxed = (side) => (shape >= 1 ? [side, side / shape] : [side * shape, side]); // width, height within a square
  const thumbnail = (image, side, canvas = document.createElement("canvas")) => {
    const [width, height] = boxed(side);
    const ratio = Math.max(2, window.devicePixelRatio || 1);
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const draw = () => drawThumbnail(canvas.getContext("2d"), image, 0, 0, canvas.width, canvas.height);
    const sheet = sheets[Math.floor(image / data.sprites.perSheet)];
    if (sheet.complete) draw();
    else sheet.addEventListener("load", draw, { once: true });
    return canvas;
  };
  const element = (tag, name, text) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // ---- state

  const view = { scale: 1, left: 0, top: 0 }; // screen = left + x * scale * stretch, top + y * scale
  const MOST_STRETCH = 1.4; // a t-SNE map has no unit, but neighbourhoods should keep their shape, nearly
  let stretch = 1; // so that a map wider than it is high is used
  let fitted = 1; // scale at which all images fill the map
  let matches = new Uint8Array(count).fill(1);
  let wanted = { coarse: null, fine: null, pair: null };
  let selected = null; // whose neighbours are shown
  let cursor = null; // where the keyboard is
  let hovered = null;

  const stage = at("stage");
  const map = at("map");
  const pen = map.getContext("2d");
  const screenX = (image) => view.left + x[image] * view.scale * stretch;
  const screenY = (image) => view.top + y[image] * view.scale;

  // ---- the map

  const MARGIN = 34;
  const byColour = Array.from({ length: count }, (_, image) => image).sort((a, b) => colour[a] - colour[b] || a - b);

  const fit = (images) => {
    let [west, east, north, south] = [1, 0, 1, 0];
    for (const image of images) {
      west = Math.min(west, x[image]);
      east = Math.max(east, x[image]);
      north = Math.min(north, y[image]);
      south = Math.max(south, y[image]);
    }
    if (west > east) [west, east, north, south] = [0, 1, 0, 1];
    const { clientWidth: width, clientHeight: height } = stage;
    const room = Math.max(40, Math.min((width - 2 * MARGIN) / Math.max((east - west) * stretch, 0.02), (height - 2 * MARGIN) / Math.max(south - north, 0.02)));
    view.scale = Math.min(room, fitted * 60);
    view.left = width / 2 - ((west + east) / 2) * view.scale * stretch;
    view.top = height / 2 - ((north + south) / 2) * view.scale;
    redraw();
  };
  const everything = () => Array.from({ length: count }, (_, image) => image);
  const matching = () => everything().filter((image) => matches[image]);

  const resize = () => {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = stage;
    const before = fitted;
    map.width = Math.round(width * ratio);
    map.height = Math.round(height * ratio);
    stretch = Math.min(MOST_STRETCH, Math.max(1, (width - 2 * MARGIN) / Math.max(1, height - 2 * MARGIN)));
    fitted = Math.max(40, Math.min((width - 2 * MARGIN) / stretch, height - 2 * MARGIN));
    if (before === 1) fit(everything());
    redraw();
  };

  // A thumbnail is as large as an even spread would let it be, and grows more slowly than the map does.
  const side = () => {
    const even = Math.sqrt((stage.clientWidth * stage.clientHeight) / count);
    const first = Math.min(36, Math.max(18, even * 0.9));
    return Math.min(110, first * Math.pow(Math.max(1, view.scale / fitted), 0.62));
  };

  let style = {};
  const readStyle = () => {
    const values = getComputedStyle(document.documentElement);
    for (const name of ["map", "faint", "ink", "soft", "accent", "halo", "rule", "wrong", "card"]) style[name] = values.getPropertyValue(`--${name}`).trim();
    style.dark = document.documentElement.dataset.theme === "dark";
  };

  let waiting = false;
  const redraw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };

  let thumbnails = []; // images drawn as such, the last on top
  const draw = () => {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = stage;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = style.map;
    pen.fillRect(0, 0, width, height);
    const size = side();
    const seen = (image, edge) => {
      const [left, top] = [screenX(image), screenY(image)];
      return left > -edge && top > -edge && left < width + edge && top < height + edge;
    };

    // A thumbnail for each image that has room beside those before it; the others are dots. Places are taken in a grid
    // whose cells are as large as a thumbnail and which moves with the map, so that panning changes nothing.
    const [wide, high] = boxed(size).map((length) => length + 5);
    const taken = new Map();
    const dots = [];
    thumbnails = [];
    const hasRoom = (image, column, row) => {
      for (let across = column - 1; across <= column + 1; across++)
        for (let down = row - 1; down <= row + 1; down++) {
          const other = taken.get(across * 65536 + down);
          if (other === undefined) continue;
          const apart = [Math.abs(x[image] - x[other]) * view.scale * stretch, Math.abs(y[image] - y[other]) * view.scale];
          if (apart[0] < wide && apart[1] < high) return false;
        }
      return true;
    };
    const put = (image) => {
      if (!matches[image] || !seen(image, size)) return;
      const [column, row] = [Math.floor((x[image] * view.scale * stretch) / wide), Math.floor((y[image] * view.scale) / high)];
      if (!hasRoom(image, column, row)) dots.push(image);
      else {
        taken.set(column * 65536 + row, image);
        thumbnails.push(image);
      }
    };
    pen.fillStyle = style.faint;
    for (let image = 0; image < count; image++)
      if (!matches[image] && seen(image, 2)) pen.fillRect(screenX(image) - 1.25, screenY(image) - 1.25, 2.5, 2.5);
    for (let image = 0; image < count; image++) put(image);

    const inColour = new Set(dots);
    let last = -1;
    for (const image of byColour) {
      if (!inColour.has(image)) continue;
      const [left, top] = [screenX(image), screenY(image)];
      if (style.dark) {
        pen.fillStyle = "rgba(255,255,255,0.5)";
        pen.fillRect(left - 2.6, top - 2.6, 5.2, 5.2);
        last = -1;
      }
      if (colour[image] !== last) pen.fillStyle = data.colours[(last = colour[image])];
      pen.fillRect(left - 2, top - 2, 4, 4);
    }
    const quiet = selected !== null;
    const near = quiet ? nearestOf(selected).map((one) => one.image) : [];
    for (const image of thumbnails) framed(image, size, 1.6);
    if (quiet) {
      pen.globalAlpha = 0.6; // a veil over all but the chosen image and its neighbours
      pen.fillStyle = style.map;
      pen.fillRect(0, 0, width, height);
      pen.globalAlpha = 1;
    } else drawNames(width, height);
    if (quiet) drawNeighbours(near, size * 1.25);
    if (cursor !== null && cursor !== selected && document.activeElement === map) {
      framed(cursor, size * 1.25, 2);
      ring(cursor, size * 1.25, style.accent, [5, 3]);
      thumbnails.push(cursor);
    }
    if (hovered !== null && hovered !== selected) ring(hovered, size, style.ink, []);
  };

  const boxOf = (image, size) => {
    const [width, height] = boxed(size);
    return [screenX(image) - width / 2, screenY(image) - height / 2, width, height];
  };
  const framed = (image, size, line) => {
    const [left, top, width, height] = boxOf(image, size);
    if (style.dark) {
      pen.fillStyle = "rgba(255,255,255,0.5)";
      pen.fillRect(left - line - 0.7, top - line - 0.7, width + 2 * line + 1.4, height + 2 * line + 1.4);
    }
    pen.fillStyle = data.colours[colour[image]];
    pen.fillRect(left - line, top - line, width + 2 * line, height + 2 * line);
    drawThumbnail(pen, image, left, top, width, height);
  };
  const ring = (image, size, stroke, dashes) => {
    const [left, top, width, height] = boxOf(image, size);
    pen.setLineDash(dashes);
    pen.lineWidth = 2.5;
    pen.strokeStyle = stroke;
    pen.strokeRect(left - 4, top - 4, width + 8, height + 8);
    pen.setLineDash([]);
  };

  const drawNeighbours = (near, size) => {
    pen.lineWidth = 1.2;
    for (const image of near) {
      const right = finest[image] === finest[selected];
      pen.strokeStyle = right ? style.accent : style.wrong;
      pen.setLineDash(right ? [] : [4, 3]);
      pen.beginPath();
      pen.moveTo(screenX(selected), screenY(selected));
      pen.lineTo(screenX(image), screenY(image));
      pen.stroke();
    }
    pen.setLineDash([]);
    [...near.keys()].reverse().forEach((rank) => {
      const image = near[rank];
      const right = finest[image] === finest[selected];
      framed(image, size, 1.6);
      ring(image, size, right ? style.accent : style.wrong, right ? [] : [4, 3]);
      const [left, top] = boxOf(image, size);
      badge(left - 4, top - 4, String(rank + 1), right ? style.accent : style.wrong);
      thumbnails.push(image);
    });
    framed(selected, size * 1.25, 2.5);
    ring(selected, size * 1.25, style.ink, []);
    thumbnails.push(selected);
  };
  const badge = (left, top, text, fill) => {
    pen.font = "600 10px system-ui, sans-serif";
    pen.fillStyle = fill;
    pen.beginPath();
    pen.arc(left, top, 8, 0, 2 * Math.PI);
    pen.fill();
    pen.fillStyle = style.card;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(text, left, top + 0.5);
  };

  // Names at the middle of classes that hold together: coarse ones, or fine ones once a coarse class is picked.
  const MOST_NAMES = 30;
  const middle = (values) => Float32Array.from(values).sort()[values.length >> 1];
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
      const [u, v] = [middle(images.map((i) => x[i])), middle(images.map((i) => y[i]))];
      return { u, v, reach: images.reduce((sum, i) => sum + Math.hypot(x[i] - u, y[i] - v), 0) / images.length };
    };
    const whole = spread(everything()).reach;
    for (const [label, images] of members) {
      const { u, v, reach } = spread(images);
      if (images.length > 4 && reach < 0.75 * whole) named.push({ text: names[label], u, v, images: images.length });
    }
    named.sort((a, b) => b.images - a.images);
  };
  const drawNames = (width, height) => {
    pen.font = "600 13px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    const placed = [];
    for (const { text, u, v } of named) {
      const shown = text.length > 28 ? `${text.slice(0, 20)}…${text.slice(-6)}` : text;
      const [left, top] = [view.left + u * view.scale * stretch, view.top + v * view.scale];
      const half = pen.measureText(shown).width / 2 + 4;
      if (left < 0 || top < 0 || left > width || top > height) continue;
      if (placed.some((other) => Math.abs(other.left - left) < other.half + half && Math.abs(other.top - top) < 18)) continue;
      placed.push({ left, top, half });
      pen.strokeStyle = style.halo;
      pen.lineWidth = 4.5;
      pen.strokeText(shown, left, top);
      pen.fillStyle = style.ink;
      pen.fillText(shown, left, top);
    }
  };

  // ---- finding images under the pointer

  const REACH = 9; // pixels from a dot
  const imageAt = (left, top) => {
    const size = side();
    for (let place = thumbnails.length - 1; place >= 0; place--) {
      const [west, north, width, height] = boxOf(thumbnails[place], size);
      if (left >= west - 2 && top >= north - 2 && left <= west + width + 2 && top <= north + height + 2) return thumbnails[place];
    }
    let [found, nearest] = [null, REACH];
    for (let image = 0; image < count; image++) {
      if (!matches[image]) continue;
      const distance = Math.hypot(screenX(image) - left, screenY(image) - top);
      if (distance < nearest) [found, nearest] = [image, distance];
    }
    return found;
  };

  const zoomBy = (factor, left = stage.clientWidth / 2, top = stage.clientHeight / 2) => {
    const scale = Math.min(fitted * 60, Math.max(fitted * 0.5, view.scale * factor));
    view.left = left - ((left - view.left) * scale) / view.scale;
    view.top = top - ((top - view.top) * scale) / view.scale;
    view.scale = scale;
    redraw();
  };
  const bringIntoView = (image) => {
    const edge = 60;
    const { clientWidth: width, clientHeight: height } = stage;
    view.left += Math.max(0, edge - screenX(image)) - Math.max(0, screenX(image) - width + edge);
    view.top += Math.max(0, edge - screenY(image)) - Math.max(0, screenY(image) - height + edge);
  };

  // ---- pointer

  const pointers = new Map();
  let moved = 0;
  map.addEventListener("pointerdown", (event) => {
    map.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { left: event.offsetX, top: event.offsetY });
    if (pointers.size === 1) moved = 0;
    showTip(null);
  });
  map.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    const now = { left: event.offsetX, top: event.offsetY };
    if (!before) return hover(now, event.pointerType === "mouse");
    moved += Math.hypot(now.left - before.left, now.top - before.top);
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      const apart = (one) => Math.max(1, Math.hypot(one.left - other.left, one.top - other.top));
      zoomBy(apart(now) / apart(before), other.left, other.top);
    } else if (moved > 4) {
      map.classList.add("dragged");
      view.left += now.left - before.left;
      view.top += now.top - before.top;
    }
    pointers.set(event.pointerId, now);
    redraw();
  });
  const released = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    map.classList.remove("dragged");
    if (event.type === "pointerup" && moved <= 4 && pointers.size === 0) {
      const image = imageAt(event.offsetX, event.offsetY);
      if (image === null) close();
      else open(image);
    }
  };
  map.addEventListener("pointerup", released);
  map.addEventListener("pointercancel", released);
  map.addEventListener("pointerleave", () => hover(null));
  map.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.offsetX, event.offsetY);
    showTip(null);
  }, { passive: false });

  const hover = (place, wantsTip = false) => {
    const image = place && imageAt(place.left, place.top);
    if (image === hovered) return;
    hovered = image;
    map.classList.toggle("over", image !== null);
    showTip(wantsTip ? image : null);
    redraw();
  };
  const showTip = (image) => {
    const tip = at("tip");
    tip.hidden = image === null;
    if (image === null) return;
    tip.replaceChildren(thumbnail(image, 112), element("b", "", finestNames[finest[image]]));
    if (fine) tip.append(element("span", "", data.coarse.names[coarse[image]]));
    const [left, top] = [screenX(image), screenY(image)];
    const gap = side() / 2 + 10;
    const { offsetWidth: width, offsetHeight: height } = tip;
    const across = left + gap + width < stage.clientWidth ? left + gap : left - gap - width;
    const down = Math.min(Math.max(8, top - height / 2), stage.clientHeight - height - 8);
    tip.style.transform = `translate(${Math.max(8, across)}px, ${down}px)`;
  };

  // ---- neighbours

  const open = (image) => {
    selected = cursor = image;
    hovered = null;
    showTip(null);
    thumbnail(image, 84, at("chosen-image")).setAttribute("aria-label", finestNames[finest[image]]);
    at("chosen-name").textContent = finestNames[finest[image]];
    at("chosen-coarse").textContent = fine ? data.coarse.names[coarse[image]] : "";
    at("chosen-source").textContent = data.sources[image];
    const near = nearestOf(image);
    at("nearest").replaceChildren(...near.map(({ image: other, cosine }, rank) => {
      const right = finest[other] === finest[image];
      const button = element("button", right ? "right" : "wrong");
      button.type = "button";
      button.dataset.image = other;
      const label = finestNames[finest[other]];
      button.setAttribute("aria-label", `${rank + 1}: ${label}, ${right ? "same" : "another"} ${data.kind}, cosine ${cosine.toFixed(3)}`);
      button.append(thumbnail(other, 78), element("span", "label", `${right ? "✓" : "✗"} ${label}`), element("span", "rank", `${rank + 1} · ${cosine.toFixed(3)}`));
      button.addEventListener("click", () => {
        open(other);
        at("chosen-name").focus();
      });
      const item = element("li");
      item.append(button);
      return item;
    }));
    at("chosen").hidden = false;
    document.querySelector("aside").scrollTop = 0;
    bringIntoView(image);
    const right = near.filter((one) => finest[one.image] === finest[image]).length;
    say(`${finestNames[finest[image]]}: ${right} of ${near.length} nearest images are of the same ${data.kind}`);
    redraw();
  };
  const close = () => {
    selected = null;
    at("chosen").hidden = true;
    redraw();
  };
  at("close").addEventListener("click", () => {
    close();
    map.focus();
  });
  const say = (text) => (at("said").textContent = text);

  // ---- keyboard

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
  map.addEventListener("focus", redraw);
  map.addEventListener("blur", redraw);
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

  // ---- filters

  const option = (value, text) => {
    const made = element("option", "", text);
    made.value = value;
    return made;
  };
  const sorted = (labels, names) => [...labels].sort((a, b) => names[a].localeCompare(names[b], "en", { numeric: true }));
  const listFine = () => {
    const labels = new Set();
    for (let image = 0; image < count; image++) if (wanted.coarse === null || coarse[image] === wanted.coarse) labels.add(fine[image]);
    at("fine").replaceChildren(option("", `all ${number(labels.size)}`), ...sorted(labels, data.fine.names).map((label) => option(label, data.fine.names[label])));
    at("fine").value = wanted.fine === null ? "" : String(wanted.fine);
  };
  const filter = (next) => {
    wanted = { coarse: null, fine: null, pair: null, ...next };
    for (let image = 0; image < count; image++)
      matches[image] =
        (wanted.coarse === null || coarse[image] === wanted.coarse) &&
        (wanted.fine === null || fine[image] === wanted.fine) &&
        (wanted.pair === null || wanted.pair.includes(finest[image]));
    at("coarse").value = wanted.coarse === null ? "" : String(wanted.coarse);
    if (fine) listFine();
    const shown = matching().length;
    const all = wanted.coarse === null && wanted.fine === null && wanted.pair === null;
    at("shown").textContent = `${number(shown)} of ${several(count, "image")}${wanted.pair ? `: ${wanted.pair.map((label) => finestNames[label]).join(" and ")}` : ""}`;
    at("clear").hidden = all;
    for (const button of at("pairs").querySelectorAll("button")) button.setAttribute("aria-pressed", String(wanted.pair !== null && button.dataset.pair === wanted.pair.join()));
    close();
    cursor = null;
    findNames();
    fit(all ? everything() : matching());
  };
  const clearFilters = () => filter({});
  const picked = (id) => (at(id).value === "" ? null : Number(at(id).value));
  at("coarse").addEventListener("change", () => filter({ coarse: picked("coarse") }));
  at("fine").addEventListener("change", () => filter({ coarse: picked("coarse"), fine: picked("fine") }));
  at("clear").addEventListener("click", clearFilters);
  at("zoom-in").addEventListener("click", () => zoomBy(1.5));
  at("zoom-out").addEventListener("click", () => zoomBy(1 / 1.5));
  at("zoom-fit").addEventListener("click", () => fit(everything()));

  // ---- light and dark

  const preferred = window.matchMedia("(prefers-color-scheme: dark)");
  const remembered = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // a page opened from a file may have no storage
    }
  };
  const setTheme = (theme) => {
    document.documentElement.dataset.theme = theme;
    readStyle();
    redraw();
  };
  at("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // then it is not remembered
    }
    setTheme(theme);
  });
  preferred.addEventListener("change", () => remembered() || setTheme(preferred.matches ? "dark" : "light"));

  // ---- beginning

  at("name").textContent = data.name;
  const classes = fine ? `${several(data.fine.names.length, "fine class")} in ${several(data.coarse.names.length, "coarse class")}` : several(data.coarse.names.length, "coarse class");
  const part = data.images > count ? `${number(count)} of ${several(data.images, "image")}, drawn at random; neighbours are among these. ` : `${several(count, "image")}, `;
  at("summary").textContent = `${part}${classes}. Near on the map means alike to the encoder (t-SNE).`;
  at("coarse").append(option("", `all ${number(data.coarse.names.length)}`), ...sorted(data.coarse.names.keys(), data.coarse.names).map((label) => option(label, data.coarse.names[label])));
  at("fine").hidden = at("fine-label").hidden = !fine;
  at("confused-what").textContent = data.pairs.length
    ? `Of the images of both ${data.kind.replace("class", "classes")}, the share whose nearest image is of the other one.`
    : `Every image's nearest one is of its own ${data.kind}.`;
  const highest = data.pairs.length ? data.pairs[0][2] / data.pairs[0][3] : 1;
  at("pairs").append(...data.pairs.map(([one, other, confused, images]) => {
    const button = element("button");
    button.type = "button";
    button.dataset.pair = [one, other].join();
    const bar = element("span", "bar");
    const filled = element("i");
    filled.style.width = `${(100 * confused) / images / highest}%`;
    bar.append(filled);
    button.append(element("span", "names", `${finestNames[one]} · ${finestNames[other]}`), bar, element("span", "share", `${Math.round((100 * confused) / images)}%`));
    button.title = `${number(confused)} of ${several(images, "image")}`;
    button.addEventListener("click", () => (wanted.pair && wanted.pair.join() === button.dataset.pair ? clearFilters() : filter({ pair: [one, other] })));
    const item = element("li");
    item.append(button);
    return item;
  }));
  setTheme(remembered() || (preferred.matches ? "dark" : "light"));
  new ResizeObserver(resize).observe(stage);
  resize();
  clearFilters();

  // For tests and the curious: where an image is on the screen, what is shown, how long a drawing takes.
  window.gallery = {
    placeOf: (image) => ({ x: screenX(image), y: screenY(image) }),
    state: () => ({ selected, cursor, matching: matching().length, scale: view.scale / fitted, thumbnails: thumbnails.length }),
    ready: () => sheets.every((sheet) => sheet.complete && sheet.naturalWidth > 0),
    zoomTo: (factor) => zoomBy((factor * fitted) / view.scale),
    drawingMilliseconds: (times) =>
      Array.from({ length: times }, (_, time) => {
        const start = performance.now();
        view.left += time % 2 ? 7 : -7;
        draw();
        pen.getImageData(0, 0, 1, 1); // waits until all is painted
        return performance.now() - start;
      }),
  };
})();
