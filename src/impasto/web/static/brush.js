// A brush on a canvas that lies on a picture: mouse, pen, finger and keyboard.

import { drawStrokes } from "./strokes.js";

const SHOWN_SIDE = 1200; // pixels of the canvas's long side at most: it is only looked at

export class Brush {
  // canvas, image: the canvas lies on the image; hand: {radius, erases} at any time;
  // begin(stroke): a stroke has begun; end(): it has ended.
  constructor({ canvas, image, hand, begin, end }) {
    Object.assign(this, { canvas, image, hand, begin, end });
    this.layers = []; // {colour, strokes}, the last one on top
    this.spot = [0.5, 0.5]; // of the keyboard
    this.stroke = null;
    image.addEventListener("load", () => this.draw());
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      this.start(this.place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.stroke) { this.show(this.place(event)); return; }
      const events = event.getCoalescedEvents?.() ?? [];
      for (const one of events.length ? events : [event]) this.stroke.points.push(this.place(one));
      this.show(this.place(event));
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => this.stop());
    canvas.addEventListener("pointerleave", () => { if (!this.stroke) this.show(null); });
    canvas.addEventListener("focus", () => this.show(this.spot));
    canvas.addEventListener("blur", () => { this.stop(); this.show(null); });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  get size() { return [this.image.naturalWidth, this.image.naturalHeight]; }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  start(place) {
    const { radius, erases } = this.hand();
    this.stroke = { erase: erases, radius, points: [place] };
    this.begin(this.stroke);
    this.show(place);
  }

  stop() {
    if (!this.stroke) return;
    this.stroke = null;
    this.end();
  }

  // Arrows move; the space bar begins a stroke, and ends it.
  key(event) {
    const step = Math.max(0.01, this.hand().radius);
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key in moves) {
      const [x, y] = moves[event.key];
      const inside = (share) => Math.min(1, Math.max(0, share));
      this.spot = [inside(this.spot[0] + x), inside(this.spot[1] + y)];
      if (this.stroke) this.stroke.points.push(this.spot);
    } else if (event.key === " ") {
      if (this.stroke) this.stop();
      else this.start(this.spot);
    } else return;
    event.preventDefault();
    this.show(this.spot);
  }

  // Show where the brush would paint.
  show(place) {
    this.shown = place;
    this.draw();
  }

  draw() {
    const [wide, high] = this.size;
    if (!wide || !high) return;
    const scale = Math.min(1, SHOWN_SIDE / Math.max(wide, high));
    const { canvas } = this;
    [canvas.width, canvas.height] = [Math.max(1, Math.round(wide * scale)), Math.max(1, Math.round(high * scale))];
    const brush = canvas.getContext("2d");
    const layer = document.createElement("canvas");
    [layer.width, layer.height] = [canvas.width, canvas.height];
    for (const { colour, strokes, isActive } of this.layers) {
      if (!strokes.length) continue;
      drawStrokes(layer, strokes, colour);
      brush.globalAlpha = isActive ? 0.62 : 0.35;
      brush.drawImage(layer, 0, 0);
    }
    brush.globalAlpha = 1;
    if (this.shown) this.ring(brush, this.shown);
  }

  ring(brush, [x, y]) {
    const radius = this.hand().radius * Math.max(this.canvas.width, this.canvas.height);
    for (const [colour, width] of [["#ffffff", 3], ["#000000", 1]]) {
      brush.strokeStyle = colour;
      brush.lineWidth = (width * this.canvas.width) / Math.max(1, this.canvas.clientWidth);
      brush.beginPath();
      brush.arc(x * this.canvas.width, y * this.canvas.height, radius, 0, 2 * Math.PI);
      brush.stroke();
    }
  }
}
