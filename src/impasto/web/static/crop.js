// A part of a picture, cut out by a frame that is dragged or moved with the keys.

import { text } from "./i18n.js";

const $ = (id) => document.getElementById(id);
const LEAST = 0.05; // of the picture's sides
const PNG_PIXELS = 6e6; // larger parts of JPEGs are kept as JPEG, which is quicker to send
const SHAPES = { free: 0, "1:1": 1, "4:3": 4 / 3, "3:2": 3 / 2, "16:9": 16 / 9, "3:4": 3 / 4, "2:3": 2 / 3, "9:16": 9 / 16 };

export const WHOLE = { x: 0, y: 0, width: 1, height: 1 };

export class Crop {
  constructor() {
    this.box = { ...WHOLE };
    this.shape = "free";
    this.listen();
    $("crop-cancel").addEventListener("click", () => this.end(null));
    $("crop-all").addEventListener("click", () => this.end({ ...WHOLE }));
    $("crop-apply").addEventListener("click", () => this.end({ ...this.box }));
    $("crop-dialog").addEventListener("cancel", () => this.end(null));
    $("crop-image").addEventListener("load", () => this.show());
  }

  // Ask for a part of a picture; resolves to its box in shares of the picture, or null.
  ask(address, box) {
    this.box = { ...box };
    this.shape = "free";
    $("crop-image").src = address;
    $("crop-shapes").replaceChildren(...Object.keys(SHAPES).map((shape) => this.button(shape)));
    $("crop-dialog").showModal();
    $("crop-box").focus();
    this.show();
    return new Promise((resolve) => { this.resolve = resolve; });
  }

  end(box) {
    $("crop-dialog").close();
    this.resolve?.(box);
    this.resolve = null;
  }

  button(shape) {
    const label = shape === "free" ? text("cropFree") : shape;
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    button.dataset.shape = shape;
    button.addEventListener("click", () => this.setShape(shape));
    return button;
  }

  get size() { return [$("crop-image").naturalWidth, $("crop-image").naturalHeight]; }

  // Width over height of the frame, in shares of the picture; 0: any.
  get ratio() {
    const [wide, high] = this.size;
    return wide ? (SHAPES[this.shape] * high) / wide : 0;
  }

  setShape(shape) {
    this.shape = shape;
    const { ratio } = this;
    if (ratio) { // as large as fits, around the same middle
      const [x, y] = [this.box.x + this.box.width / 2, this.box.y + this.box.height / 2];
      const width = Math.min(1, ratio);
      this.box = { x: x - width / 2, y: y - width / ratio / 2, width, height: width / ratio };
    }
    this.show();
  }

  move(x, y) {
    this.box.x += x;
    this.box.y += y;
    this.show();
  }

  // Move a corner ("nw" …) to a place; the other one stays.
  resize(corner, [x, y]) {
    const { box } = this;
    const [isWest, isNorth] = [corner.includes("w"), corner.includes("n")];
    const [fixedX, fixedY] = [isWest ? box.x + box.width : box.x, isNorth ? box.y + box.height : box.y];
    const roomX = isWest ? fixedX : 1 - fixedX;
    const roomY = isNorth ? fixedY : 1 - fixedY;
    let width = Math.min(roomX, Math.max(LEAST, isWest ? fixedX - x : x - fixedX));
    let height = Math.min(roomY, Math.max(LEAST, isNorth ? fixedY - y : y - fixedY));
    const { ratio } = this;
    if (ratio) {
      width = Math.min(Math.max(width, height * ratio), roomX, roomY * ratio);
      height = width / ratio;
    }
    this.box = { x: isWest ? fixedX - width : fixedX, y: isNorth ? fixedY - height : fixedY, width, height };
    this.show();
  }

  show() {
    const { box } = this;
    box.width = Math.min(1, box.width);
    box.height = Math.min(1, box.height);
    box.x = Math.min(1 - box.width, Math.max(0, box.x));
    box.y = Math.min(1 - box.height, Math.max(0, box.y));
    Object.assign($("crop-box").style, {
      left: `${100 * box.x}%`, top: `${100 * box.y}%`, width: `${100 * box.width}%`, height: `${100 * box.height}%`,
    });
    const [wide, high] = this.size;
    $("crop-told").value = `${Math.round(box.width * wide)} × ${Math.round(box.height * high)} px`;
    for (const button of $("crop-shapes").children) button.setAttribute("aria-pressed", String(button.dataset.shape === this.shape));
  }

  listen() {
    const frame = $("crop-box");
    let held = null; // what is dragged: {corner, place, box}
    const place = (event) => {
      const box = $("crop-image").getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    frame.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      frame.setPointerCapture(event.pointerId);
      held = { corner: event.target.dataset.edge, place: place(event) };
      event.preventDefault();
      frame.focus();
    });
    frame.addEventListener("pointermove", (event) => {
      if (!held) return;
      const now = place(event);
      if (held.corner) this.resize(held.corner, now);
      else this.move(now[0] - held.place[0], now[1] - held.place[1]);
      held.place = now;
    });
    for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, () => { held = null; });
    frame.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [-0.01, 0], ArrowRight: [0.01, 0], ArrowUp: [0, -0.01], ArrowDown: [0, 0.01] };
      if (event.key === "Enter") this.end({ ...this.box });
      if (!(event.key in moves)) return;
      event.preventDefault();
      const [x, y] = moves[event.key];
      if (event.shiftKey) this.resize("se", [this.box.x + this.box.width + x, this.box.y + this.box.height + y]);
      else this.move(x, y);
    });
  }
}

// A part of a picture that the browser cannot make: it is too large for it.
export class CropError extends Error {}

// The part of a picture as a file; without colour profile and metadata, in sRGB.
export async function cut(file, box, address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const [wide, high] = [image.naturalWidth, image.naturalHeight];
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(box.width * wide));
  canvas.height = Math.max(1, Math.round(box.height * high));
  const part = [box.x * wide, box.y * high, box.width * wide, box.height * high];
  canvas.getContext("2d").drawImage(image, ...part, 0, 0, canvas.width, canvas.height);
  const isJpeg = file.type === "image/jpeg" && canvas.width * canvas.height > PNG_PIXELS;
  const [type, ending] = isJpeg ? ["image/jpeg", "jpg"] : ["image/png", "png"];
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, 0.96));
  if (!blob) throw new CropError(`${canvas.width} × ${canvas.height}`);
  return new File([blob], `${file.name.replace(/\.[^.]*$/, "")}-part.${ending}`, { type });
}
