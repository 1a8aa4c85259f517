// The picture that is shown: before and after, zoom at 1:1, a clip, a texture that is repeated.

import { Divider } from "./divider.js";
import { text } from "./i18n.js";

const $ = (id) => document.getElementById(id);
const HEIGHT_SHARE = 0.74; // of the window
const REPEATS = 3; // of a texture, along each side
const LEAST_HEIGHT = 240; // pixels
const ENLARGED_SIDE = 840; // to which small pictures are enlarged on the screen, if there is room

export class Stage {
  constructor() {
    this.before = "";
    this.hasPainting = false;
    this.size = null; // of the result, in pixels
    this.isBrushing = false; // the regions are shown in place of the picture
    this.divider = new Divider({
      area: $("pictures"), input: $("divide"), upper: $("before"), handle: $("handle"), isOn: () => this.isOn("compare"),
    });
    for (const [id, act] of [["compare", () => this.compare()], ["actual", () => this.zoom()], ["repeat", () => this.offer()]]) {
      $(id).addEventListener("click", () => { this.toggle(id); act(); });
    }
    $("after").addEventListener("load", () => this.fit());
    addEventListener("resize", () => this.fit());
  }

  toggle(id, isOn = !this.isOn(id)) { $(id).setAttribute("aria-pressed", String(isOn)); }

  isOn(id) { return $(id).getAttribute("aria-pressed") === "true"; }

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
  show(address, { size = this.size, isPreview = false, canRepeat = false } = {}) {
    this.size = size;
    this.hasPainting = true;
    this.canRepeat = canRepeat;
    this.film = "";
    $("after").alt = text(isPreview ? "preview" : "paintingOf");
    $("after").src = address;
    this.isEmpty = false;
    this.offer();
  }

  showFilm(address) {
    this.film = address;
    this.isEmpty = false;
    $("film").src = address;
    this.offer();
    $("film").play().catch(() => {}); // a browser may wait for a click
  }

  setBefore(address) {
    this.before = address;
    $("before").alt = text("photoOf");
    if (address) $("before").src = address;
    else { $("before").removeAttribute("src"); this.toggle("compare", false); }
    this.compare();
  }

  setBrushing(isBrushing) {
    this.isBrushing = isBrushing;
    this.toggle("mask", isBrushing);
    this.offer();
  }

  // Show what there is, and the tools that fit it.
  offer() {
    const isPicture = !this.isEmpty && !this.film;
    const isRepeated = isPicture && this.canRepeat && this.isOn("repeat");
    $("view").hidden = this.isBrushing;
    $("empty").hidden = !this.isEmpty;
    $("pictures").hidden = !isPicture || isRepeated;
    $("film").hidden = !this.film || this.isEmpty;
    if ($("film").hidden) $("film").pause();
    $("repeated").hidden = !isRepeated;
    if (isRepeated) this.repeat();
    $("repeat").hidden = !isPicture || !this.canRepeat;
    $("compare").hidden = !isPicture || !this.before || !this.hasPainting || this.isBrushing;
    $("actual").hidden = !isPicture || isRepeated || this.isBrushing;
    $("mask").hidden = !this.canMask || !this.before;
    $("tools").hidden = ["compare", "actual", "repeat", "mask"].every((id) => $(id).hidden);
    const isCompared = this.isOn("compare") && !$("compare").hidden && !isRepeated;
    $("divide").hidden = $("handle").hidden = $("before").hidden = !isCompared;
    this.fit();
  }

  // The texture in rows, as a wall would have it.
  repeat() {
    const tiles = Array.from({ length: REPEATS ** 2 }, () => Object.assign(new Image(), { src: $("after").src, alt: "" }));
    $("repeated").replaceChildren(...tiles);
  }

  clear() {
    this.isEmpty = true;
    this.film = "";
    $("after").removeAttribute("src");
    this.offer();
  }

  compare() {
    this.divider.value = this.isOn("compare") ? 50 : 0;
    this.offer();
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
      scale = Math.min(room / width, Math.max(LEAST_HEIGHT, HEIGHT_SHARE * innerHeight) / height);
      scale = Math.min(scale, Math.max(1, ENLARGED_SIDE / Math.max(width, height)));
    }
    $("pictures").style.width = `${Math.max(1, width * scale)}px`;
    $("pictures").style.height = `${Math.max(1, height * scale)}px`;
    $("divide").style.width = `${Math.min(width * scale, $("view").clientWidth)}px`;
  }
}
