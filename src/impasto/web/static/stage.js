// The picture: before and after, zoom at 1:1, and the brush for what is kept.

import { text } from "./i18n.js";

const $ = (id) => document.getElementById(id);
const HEIGHT_SHARE = 0.76; // of the window
const LEAST_HEIGHT = 240; // pixels

export class Stage {
  constructor() {
    this.before = "";
    this.hasPainting = false;
    this.size = null; // of the result, in pixels
    this.strokes = []; // of the brush: {erase, radius, points}, in shares of the picture
    for (const [id, act] of [["compare", () => this.compare()], ["actual", () => this.zoom()]]) {
      $(id).addEventListener("click", () => { this.toggle(id); act(); });
    }
    $("divide").addEventListener("input", () => this.divide());
    $("after").addEventListener("load", () => this.fit());
    addEventListener("resize", () => this.fit());
    $("mask").addEventListener("click", () => { this.toggle("mask"); this.showBrush(); });
    $("erase").addEventListener("click", () => this.toggle("erase"));
    $("undo").addEventListener("click", () => { this.strokes.pop(); this.draw(); this.masked(); });
    $("clear").addEventListener("click", () => { this.strokes = []; this.draw(); this.masked(); });
    this.listenToBrush();
    this.masked = () => {};
  }

  toggle(id) {
    $(id).setAttribute("aria-pressed", String($(id).getAttribute("aria-pressed") !== "true"));
  }

  isOn(id) {
    return $(id).getAttribute("aria-pressed") === "true";
  }

  // Show the photograph where there is no painting yet; nothing without one.
  showPhoto(address) {
    this.size = null;
    if (!address) { this.clear(); return; }
    this.show(address);
    $("after").alt = text("photoOf");
    this.hasPainting = false;
    this.offer();
  }

  // Show a painting; size: width and height of the result, if they are known.
  show(address, { size = this.size, isPreview = false } = {}) {
    this.size = size;
    this.hasPainting = true;
    this.offer();
    $("empty").hidden = true;
    $("pictures").hidden = $("tools").hidden = false;
    $("after").alt = text(isPreview ? "preview" : "paintingOf");
    $("after").src = address;
  }

  setBefore(address) {
    this.before = address;
    $("before").alt = text("photoOf");
    if (address) $("before").src = address;
    else $("before").removeAttribute("src");
    this.offer();
    if (!address) for (const id of ["compare", "mask"]) $(id).setAttribute("aria-pressed", "false");
    this.compare();
    this.showBrush();
  }

  offer() {
    $("compare").hidden = !this.before || !this.hasPainting;
    $("mask").hidden = !this.before;
  }

  clear() {
    $("empty").hidden = false;
    $("pictures").hidden = $("tools").hidden = true;
    $("divide").hidden = true;
    $("after").removeAttribute("src");
  }

  compare() {
    const isOn = this.isOn("compare") && Boolean(this.before);
    $("divide").hidden = !isOn;
    $("divide").value = isOn ? "50" : "0";
    $("before").hidden = !isOn && !this.isOn("mask");
    this.divide();
  }

  divide() {
    const share = this.isOn("mask") ? 100 : Number($("divide").value);
    $("before").style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  }

  zoom() {
    $("view").classList.toggle("actual", this.isOn("actual"));
    this.fit();
  }

  // At 1:1 one pixel of the result is one of the screen; otherwise all of it is seen.
  fit() {
    const [width, height] = this.size ?? [$("after").naturalWidth, $("after").naturalHeight];
    if (!width || !height) return;
    let scale = 1 / (window.devicePixelRatio || 1);
    if (!this.isOn("actual")) {
      const room = $("view").clientWidth;
      scale = Math.min(1, room / width, Math.max(LEAST_HEIGHT, HEIGHT_SHARE * innerHeight) / height);
    }
    $("pictures").style.width = `${Math.max(1, width * scale)}px`;
    $("pictures").style.height = `${Math.max(1, height * scale)}px`;
    $("divide").style.width = `${Math.min(width * scale, $("view").clientWidth)}px`;
    this.draw();
  }

  // --- brush ---------------------------------------------------------------------------------------

  showBrush() {
    const isOn = this.isOn("mask") && Boolean(this.before);
    $("brush").hidden = $("brush-tools").hidden = !isOn;
    if (isOn) $("before").hidden = false;
    else this.compare();
    this.divide();
    this.draw();
  }

  listenToBrush() {
    const canvas = $("brush");
    let stroke = null;
    const point = (event) => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      stroke = { erase: this.isOn("erase"), radius: Number($("brush-size").value) / 200, points: [point(event)] };
      this.strokes.push(stroke);
      this.draw();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!stroke) return;
      stroke.points.push(point(event));
      this.draw();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => { if (stroke) { stroke = null; this.masked(); } });
    }
  }

  draw() {
    const canvas = $("brush");
    if (canvas.hidden) return;
    canvas.width = $("before").naturalWidth || $("after").naturalWidth;
    canvas.height = $("before").naturalHeight || $("after").naturalHeight;
    this.paintStrokes(canvas, "#00a060", null);
  }

  paintStrokes(canvas, colour, ground) {
    const brush = canvas.getContext("2d");
    brush.clearRect(0, 0, canvas.width, canvas.height);
    if (ground) { brush.fillStyle = ground; brush.fillRect(0, 0, canvas.width, canvas.height); }
    brush.lineCap = brush.lineJoin = "round";
    for (const { erase, radius, points } of this.strokes) {
      brush.globalCompositeOperation = erase && !ground ? "destination-out" : "source-over";
      brush.strokeStyle = erase && ground ? ground : colour;
      brush.lineWidth = 2 * radius * Math.max(canvas.width, canvas.height);
      brush.beginPath();
      const [first, ...others] = points;
      brush.moveTo(first[0] * canvas.width, first[1] * canvas.height);
      brush.lineTo(first[0] * canvas.width + 0.1, first[1] * canvas.height);
      for (const [x, y] of others) brush.lineTo(x * canvas.width, y * canvas.height);
      brush.stroke();
    }
    brush.globalCompositeOperation = "source-over";
  }

  // What is kept, as a white part of a black picture; null if nothing is.
  async mask() {
    if (!this.strokes.some((stroke) => !stroke.erase) || !this.before) return null;
    const image = new Image();
    image.src = this.before;
    await image.decode();
    const canvas = document.createElement("canvas");
    const scale = Math.min(1, 1024 / Math.max(image.naturalWidth, image.naturalHeight));
    canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
    canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
    this.paintStrokes(canvas, "#ffffff", "#000000");
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    return new File([blob], "mask.png", { type: "image/png" });
  }
}
