// Zoom and pan of several pictures together. Stands alone: other pages may use it.

const MOST = 32; // times the size at which all is seen

// frames: elements of the same shape that clip a picture each; changed: called with the zoom. The
// place is kept in shares of a frame, so pictures of any size show the same part.
export class LinkedZoom {
  constructor(frames, changed = () => {}) {
    this.frames = frames;
    this.changed = changed;
    this.fingers = new Map(); // pointer → its place
    this.fit();
    for (const frame of frames) this.listen(frame);
  }

  fit() {
    Object.assign(this, { scale: 1, x: 0, y: 0 });
    this.show();
  }

  // Zoom by a factor around a place in a frame, in shares of it from its middle.
  zoom(factor, [x, y] = [0, 0]) {
    const scale = Math.min(MOST, Math.max(1, this.scale * factor));
    const by = scale / this.scale;
    this.x = x - (x - this.x) * by;
    this.y = y - (y - this.y) * by;
    this.scale = scale;
    this.show();
  }

  pan(x, y) {
    this.x += x;
    this.y += y;
    this.show();
  }

  // One pixel of a picture for one of the screen.
  actual(picture) {
    const frame = picture.parentElement;
    const [wide, high] = [picture.naturalWidth, picture.naturalHeight];
    if (!wide) return;
    const fitted = Math.min(frame.clientWidth / wide, frame.clientHeight / high);
    this.zoom(1 / (fitted * (window.devicePixelRatio || 1)) / this.scale);
  }

  show() {
    const most = (this.scale - 1) / 2;
    this.x = Math.min(most, Math.max(-most, this.x));
    this.y = Math.min(most, Math.max(-most, this.y));
    for (const frame of this.frames) {
      const picture = frame.firstElementChild;
      picture.style.transform = `translate(${100 * this.x}%, ${100 * this.y}%) scale(${this.scale})`;
      picture.classList.toggle("pixels", this.scale > 4);
    }
    this.changed(this.scale);
  }

  place(frame, event) {
    const box = frame.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width - 0.5, (event.clientY - box.top) / box.height - 0.5];
  }

  listen(frame) {
    frame.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(2 ** (-event.deltaY / 300), this.place(frame, event));
    }, { passive: false });
    frame.addEventListener("pointerdown", (event) => {
      frame.setPointerCapture(event.pointerId);
      this.fingers.set(event.pointerId, this.place(frame, event));
    });
    frame.addEventListener("pointermove", (event) => {
      if (this.fingers.has(event.pointerId)) this.drag(event.pointerId, this.place(frame, event));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      frame.addEventListener(end, (event) => this.fingers.delete(event.pointerId));
    }
    frame.addEventListener("dblclick", (event) => {
      if (this.scale > 1) this.fit();
      else this.zoom(4, this.place(frame, event));
    });
    frame.addEventListener("keydown", (event) => {
      const step = 0.1;
      const acts = {
        "+": () => this.zoom(1.25), "=": () => this.zoom(1.25), "-": () => this.zoom(0.8), 0: () => this.fit(),
        ArrowLeft: () => this.pan(step, 0), ArrowRight: () => this.pan(-step, 0),
        ArrowUp: () => this.pan(0, step), ArrowDown: () => this.pan(0, -step),
      };
      if (!(event.key in acts)) return;
      event.preventDefault();
      acts[event.key]();
    });
  }

  drag(id, place) {
    const before = this.fingers.get(id);
    const other = [...this.fingers].find(([finger]) => finger !== id)?.[1];
    this.fingers.set(id, place);
    if (!other) { this.pan(place[0] - before[0], place[1] - before[1]); return; }
    const apart = ([x, y]) => Math.hypot(x - other[0], y - other[1]);
    const middle = [(place[0] + other[0]) / 2, (place[1] + other[1]) / 2];
    if (apart(before)) this.zoom(apart(place) / apart(before), middle);
  }
}
