// The pictures that the person has chosen: photograph, clip, styles with weights.

import { Crop, WHOLE, cut } from "./crop.js";
import { onLanguage, text } from "./i18n.js";

const $ = (id) => document.getElementById(id);

const sampleUrl = (name) => `/static/samples/${name}.jpg`;
const button = (label, act) => {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: label });
  made.addEventListener("click", act);
  return made;
};

export class Choices {
  // about: what the server tells of itself; changed: called after every change; attempt: does
  // something and tells what goes wrong.
  constructor(about, changed, attempt) {
    Object.assign(this, { about, changed, attempt });
    this.photo = null; // a File, or the name of a sample
    this.clip = null; // a File
    this.clipSeconds = 0;
    this.styles = []; // {name, file} or {name, named, painting}, each with a weight
    this.urls = new Map();
    this.parts = new Map(); // file that was cut out → {whole, box, size}
    this.shapes = new Map(); // picture's address → [width, height]
    this.crop = new Crop();
    this.showTiles();
    $("crop-photo").addEventListener("click", () => attempt(() => this.cropPhoto()));
    $("clip-shown").addEventListener("loadedmetadata", () => this.clipRead());
    $("clip-shown").addEventListener("error", () => this.clipRead());
    for (const id of ["start", "end"]) $(id).addEventListener("change", () => this.seek(id));
    onLanguage(() => this.show());
  }

  showTiles() {
    // Those that can be painted come first.
    const styles = [...this.about.styles].sort((one, other) => Boolean(other.painting) - Boolean(one.painting));
    const tiles = styles.map((style) => {
      const tile = document.createElement("button");
      tile.type = "button";
      tile.dataset.style = style.name;
      if (style.thumbnail) {
        const image = new Image();
        image.src = style.thumbnail;
        image.alt = "";
        image.loading = "lazy";
        tile.append(image);
      }
      const name = document.createElement("span");
      name.textContent = `${style.name.replaceAll("-", " ")}${style.painting ? " ◆" : ""}`;
      tile.append(name);
      tile.addEventListener("click", () => this.toggleNamed(style));
      return tile;
    });
    $("styles").replaceChildren(...tiles);
  }

  toggleNamed(style) {
    if (this.styles.some((one) => one.named === style.name)) {
      this.styles = this.styles.filter((one) => one.named !== style.name);
    } else {
      // Pictures and a model's own styles are painted by different models.
      if (!style.painting) this.styles = this.styles.filter((one) => !one.file);
      this.styles.push(named(style, 1));
    }
    this.show();
    this.changed();
  }

  addStyleFile(file) {
    this.styles = this.styles.filter((one) => one.file || one.painting);
    this.styles.push({ name: file.name || "style", file, thumbnail: this.urlOf(file), weight: 1 });
    this.show();
    this.changed();
  }

  setPhoto(photo) {
    this.photo = photo;
    this.show();
    this.changed();
  }

  setClip(file) {
    this.clip = file;
    this.clipSeconds = 0;
    const isVideo = !file.type.startsWith("image/");
    $("clip-shown").hidden = !isVideo;
    if (isVideo) $("clip-shown").src = this.urlOf(file);
    else $("clip-shown").removeAttribute("src");
    for (const id of ["start", "end"]) $(id).value = "0";
    this.show();
    this.changed();
  }

  // The browser has read how long the clip is, or cannot play it: the server may.
  clipRead() {
    const { duration } = $("clip-shown");
    this.clipSeconds = Number.isFinite(duration) ? duration : 0;
    const most = this.about.limits.clip_seconds || Infinity;
    const end = Math.floor(10 * Math.min(this.clipSeconds, most)) / 10;
    for (const id of ["start", "end"]) $(id).max = String(Math.ceil(10 * this.clipSeconds) / 10);
    if (end > 0 && end < Math.floor(10 * this.clipSeconds) / 10) $("end").value = String(end);
    this.show();
    this.changed();
  }

  seek(id) {
    if (Number($(id).value) && this.clipSeconds) $("clip-shown").currentTime = Number($(id).value);
    this.changed();
  }

  // --- parts of pictures --------------------------------------------------------------------------

  async cropPhoto() {
    const cropped = await this.cropped(this.photo);
    if (cropped === null) return;
    this.moved = cropped.moved; // for the regions, which stay where they are in the picture
    this.setPhoto(cropped.file);
  }

  async cropStyle(style) {
    const cropped = await this.cropped(style.file ?? style.painting);
    if (cropped === null) return;
    const at = this.styles.indexOf(style);
    const name = style.file ? style.name : cropped.file.name ?? style.name;
    this.styles[at] = { name, file: cropped.file, thumbnail: this.addressOf(cropped.file), weight: style.weight };
    if (typeof cropped.file === "string") this.styles[at] = style; // the whole of a sample again
    this.styles = this.styles.filter((one) => one.file || one.painting);
    this.show();
    this.changed();
  }

  // Another part of a picture that the person has asked for: {file, moved}; null for none.
  async cropped(picture) {
    const before = this.parts.get(picture) ?? { whole: picture, box: { ...WHOLE } };
    const address = this.addressOf(before.whole);
    const box = await this.crop.ask(address, before.box);
    if (box === null) return null;
    const size = [$("crop-image").naturalWidth, $("crop-image").naturalHeight];
    const moved = { from: before.box, to: box, size };
    if (box.width === 1 && box.height === 1) return { file: before.whole, moved };
    const whole = before.whole instanceof File ? before.whole : { name: `${before.whole}.jpg`, type: "image/jpeg" };
    const file = await cut(whole, box, address);
    this.parts.set(file, { whole: before.whole, box });
    return { file, moved };
  }

  // --- addresses ----------------------------------------------------------------------------------

  urlOf(file) {
    if (!this.urls.has(file)) this.urls.set(file, URL.createObjectURL(file));
    return this.urls.get(file);
  }

  // picture: a File, or the name of a sample, or null.
  addressOf(picture) {
    if (!picture) return "";
    return picture instanceof File ? this.urlOf(picture) : sampleUrl(picture);
  }

  get photoUrl() { return this.addressOf(this.photo); }

  // The picture of a style; empty if the server only has it as a name.
  pictureOf(style) { return this.addressOf(style.file ?? style.painting); }

  // Width and height of a picture; null if the browser cannot show it.
  async shapeOf(picture) {
    const address = this.addressOf(picture);
    if (!this.shapes.has(address)) {
      const image = new Image();
      image.src = address;
      const isRead = await image.decode().then(() => true, () => false);
      this.shapes.set(address, isRead ? [image.naturalWidth, image.naturalHeight] : null);
    }
    return this.shapes.get(address);
  }

  get havePictures() { return this.styles.length > 0 && this.styles.every((style) => style.file || style.painting); }

  // --- shown --------------------------------------------------------------------------------------

  // Set the pictures that a request names, where they are known; files: what it was made from.
  restore(request, files) {
    if (files) {
      this.photo = files.photo;
      this.styles = files.styles.slice();
      if (files.clip && files.clip !== this.clip) this.setClip(files.clip);
    } else {
      const known = (name) => this.about.styles.find((style) => style.name === name || (style.painting && name.startsWith(`${style.painting}.`)));
      const found = (request.styles ?? []).map((style) => ({ style: known(style.source), weight: style.weight ?? 1 }));
      this.styles = found.filter((one) => one.style).map(({ style, weight }) => named(style, weight));
      const sample = this.about.samples.find((name) => request.content === `${name}.jpg`);
      if (sample) this.photo = sample;
    }
    this.show();
  }

  show() {
    const chosen = new Set(this.styles.map((style) => style.named));
    for (const tile of $("styles").children) tile.setAttribute("aria-pressed", String(chosen.has(tile.dataset.style)));
    const isSeen = this.photo && this.shapes.get(this.photoUrl) !== null; // null: the browser cannot
    $("photo-shown").hidden = $("crop-photo").hidden = !isSeen;
    $("photo-part").classList.toggle("filled", Boolean(this.photo));
    $("clip-part").classList.toggle("filled", Boolean(this.clip));
    if (isSeen) $("photo-shown").src = this.photoUrl;
    $("photo-shown").alt = text("photoOf");
    $("photo-label").textContent = text(this.photo ? "otherPhoto" : "choosePhoto");
    $("chosen").replaceChildren(...this.styles.map((style) => this.row(style)));
    $("clip-times").hidden = !this.clip;
    const limits = this.about.limits;
    const told = this.clipSeconds ? text("clipLong", { seconds: this.clipSeconds.toFixed(1) }) : "";
    const most = limits.clip_seconds ? text("clipMost", { seconds: limits.clip_seconds }) : "";
    $("clip-told").textContent = this.clip ? [this.clip.name, told].filter(Boolean).join(" · ") : most;
  }

  row(style) {
    const item = document.createElement("li");
    const image = new Image();
    if (style.thumbnail) image.src = style.thumbnail;
    image.alt = "";
    const middle = document.createElement("div");
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = style.name;
    middle.append(name);
    if (this.styles.length > 1) {
      const weight = Object.assign(document.createElement("input"), { type: "range", min: "0", max: "1", step: "0.1", value: String(style.weight) });
      weight.setAttribute("aria-label", text("weight", { name: style.name }));
      weight.addEventListener("change", () => { style.weight = Number(weight.value); this.changed(); });
      middle.append(weight);
    }
    item.append(image, middle);
    if (this.pictureOf(style)) {
      const crop = button(text("crop"), () => this.attempt(() => this.cropStyle(style)));
      crop.setAttribute("aria-label", text("cropOf", { name: style.name }));
      item.append(crop);
    }
    const remove = button("×", () => { this.styles = this.styles.filter((one) => one !== style); this.show(); this.changed(); });
    remove.setAttribute("aria-label", text("remove", { name: style.name }));
    item.append(remove);
    return item;
  }
}

function named(style, weight) {
  return { name: style.name.replaceAll("-", " "), named: style.name, painting: style.painting, thumbnail: style.thumbnail, weight };
}
