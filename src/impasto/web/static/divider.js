// A divider between two pictures that lie one on the other. Stands alone: other pages may use it.

// area: holds both pictures; input: a range of 0 to 100, which says how much of the upper one is
// seen, from the left; upper: the picture above; handle: what marks the border. While isOn() holds,
// dragging on the area moves the border.
export class Divider {
  constructor({ area, input, upper, handle, isOn }) {
    Object.assign(this, { area, input, upper, handle });
    let isDragged = false;
    const move = (event) => {
      const box = area.getBoundingClientRect();
      this.value = Math.round((100 * (event.clientX - box.left)) / box.width);
    };
    area.addEventListener("pointerdown", (event) => {
      if (!isOn() || event.button) return;
      isDragged = true;
      area.setPointerCapture(event.pointerId);
      event.preventDefault(); // no ghost of the picture is dragged
      move(event);
    });
    area.addEventListener("pointermove", (event) => { if (isDragged) move(event); });
    for (const end of ["pointerup", "pointercancel"]) area.addEventListener(end, () => { isDragged = false; });
    input.addEventListener("input", () => this.show());
  }

  get value() { return Number(this.input.value); }

  set value(share) {
    this.input.value = String(Math.min(100, Math.max(0, share)));
    this.show();
  }

  show() {
    this.upper.style.clipPath = `inset(0 ${100 - this.value}% 0 0)`;
    this.handle.style.left = `${this.value}%`;
  }
}
