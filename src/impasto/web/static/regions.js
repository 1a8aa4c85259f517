// Regions that are brushed on the photograph and on the style pictures.

import { Brush } from "./brush.js";
import { onLanguage, text } from "./i18n.js";
import { maskOf, movedStrokes } from "./strokes.js";

const $ = (id) => document.getElementById(id);
const COLOURS = ["#0a9b7c", "#d9572b", "#5566e0", "#c9951c", "#c23f94", "#3f93c9"];
const KEEP = "keep";
const WHOLE = ""; // the colours of the whole picture

export class Regions {
  // choices: the photograph and the styles; changed: called after every change of what is made.
  constructor(choices, changed) {
    this.choices = choices;
    this.changed = changed;
    this.all = []; // {number, colour of its strokes, how: "keep" or a style, inColours: of the style, the content or WHOLE, photo: strokes, parts: Map style → strokes}
    this.active = null;
    this.done = []; // lists of strokes in the order in which they were begun, to take back
    const hand = () => ({ radius: Number($("brush-size").value) / 200, erases: this.isErasing });
    this.onPhoto = new Brush({
      canvas: $("brush"), image: $("brushed-photo"), hand,
      begin: (stroke) => this.begin(this.active.photo, stroke), end: () => this.changed(),
    });
    this.onStyle = new Brush({
      canvas: $("style-brush"), image: $("brushed-style"), hand,
      begin: (stroke) => this.begin(this.part(this.active), stroke), end: () => this.changed(),
    });
    $("add-region").addEventListener("click", () => this.add());
    $("remove-region").addEventListener("click", () => this.remove());
    $("region-how").addEventListener("change", () => this.setHow($("region-how").value));
    $("region-colour").addEventListener("change", () => {
      this.active.inColours = $("region-colour").value;
      this.changed();
    });
    $("erase").addEventListener("click", () => $("erase").setAttribute("aria-pressed", String(!this.isErasing)));
    $("undo").addEventListener("click", () => this.undo());
    $("clear").addEventListener("click", () => this.clear());
    $("feather").addEventListener("change", () => { if (this.all.length) this.changed(); });
    $("masks").addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.undo();
    });
    onLanguage(() => this.show());
  }

  get isErasing() { return $("erase").getAttribute("aria-pressed") === "true"; }

  get feather() { return Number($("feather").value) / 100; }

  get isOpen() { return !$("masks").hidden; }

  open(isOpen) {
    $("masks").hidden = !isOpen;
    if (isOpen && !this.all.length) this.add();
    this.show();
  }

  // The photograph is another one; or another part of it, where from and to say which.
  setPhoto(address, moved) {
    for (const region of this.all) {
      const kept = moved ? movedStrokes(region.photo, moved.from, moved.to, moved.size) : [];
      region.photo.splice(0, Infinity, ...kept);
    }
    this.done = this.done.filter((strokes) => strokes.length);
    if (!moved && !this.all.some((region) => [...region.parts.values()].some((part) => part.length))) this.all = [];
    this.active = this.all[0] ?? null;
    if (address) $("brushed-photo").src = address;
    else $("brushed-photo").removeAttribute("src");
    this.show();
  }

  // The regions as they are, for restore(); styles are kept as their places in the list.
  state() {
    const place = (style) => (style === KEEP ? KEEP : this.choices.styles.indexOf(style));
    return this.all.map((region) => ({
      ...region,
      how: place(region.how),
      photo: structuredClone(region.photo),
      parts: [...region.parts].map(([style, strokes]) => [place(style), structuredClone(strokes)]),
    }));
  }

  restore(state) {
    const { styles } = this.choices;
    this.all = state.map((region) => ({
      ...region,
      how: region.how === KEEP ? KEEP : styles[region.how] ?? KEEP,
      photo: structuredClone(region.photo),
      parts: new Map(region.parts.filter(([at]) => styles[at]).map(([at, strokes]) => [styles[at], structuredClone(strokes)])),
    }));
    this.active = this.all[0] ?? null;
    this.done = [];
    this.show();
  }

  add() {
    const used = new Set(this.all.map((region) => region.number));
    let number = 1;
    while (used.has(number)) number += 1;
    this.active = { number, colour: COLOURS[(number - 1) % COLOURS.length], how: KEEP, inColours: WHOLE, photo: [], parts: new Map() };
    this.all.push(this.active);
    this.show();
  }

  remove() {
    this.all = this.all.filter((region) => region !== this.active);
    this.active = this.all.at(-1) ?? null;
    if (!this.active) this.add();
    this.show();
    this.changed();
  }

  setHow(value) {
    this.active.how = value === KEEP ? KEEP : this.choices.styles[Number(value)] ?? KEEP;
    this.show();
    this.changed();
  }

  // The strokes of a region on the picture of its style.
  part(region) {
    if (!region.parts.has(region.how)) region.parts.set(region.how, []);
    return region.parts.get(region.how);
  }

  begin(strokes, stroke) {
    strokes.push(stroke);
    this.done.push(strokes);
  }

  undo() {
    const strokes = this.done.pop();
    if (!strokes) return;
    strokes.pop();
    this.show();
    this.changed();
  }

  clear() {
    const lists = [this.active.photo, ...this.active.parts.values()];
    for (const strokes of lists) strokes.length = 0;
    this.done = this.done.filter((strokes) => !lists.includes(strokes));
    this.show();
    this.changed();
  }

  nameOf(region) {
    return text("region", { n: region.number });
  }

  show() {
    const { styles } = this.choices;
    for (const region of this.all) if (region.how !== KEEP && !styles.includes(region.how)) region.how = KEEP;
    $("regions").replaceChildren(...this.all.map((region) => this.chip(region)));
    $("remove-region").disabled = this.all.length < 2 && !this.all[0]?.photo.length;
    $("region-how").replaceChildren(
      new Option(text("regionKeep"), KEEP),
      ...styles.map((style, at) => new Option(text("regionStyle", { name: style.name }), String(at))),
    );
    const style = this.active?.how ?? KEEP;
    $("region-how").value = style === KEEP ? KEEP : String(styles.indexOf(style));
    $("region-colour").replaceChildren(
      new Option(text("regionColour."), WHOLE),
      ...["style", "content"].map((name) => new Option(text(`colour.${name}`), name)),
    );
    $("region-colour").value = this.active?.inColours ?? WHOLE;
    $("region-colour").disabled = style === KEEP;
    const picture = style === KEEP ? "" : this.choices.pictureOf(style);
    $("style-pane").hidden = !picture;
    if (picture) $("brushed-style").src = picture;
    this.draw();
  }

  draw() {
    const layers = (strokesOf) => this.all
      .map((region) => ({ colour: region.colour, strokes: strokesOf(region), isActive: region === this.active }))
      .sort((one, other) => one.isActive - other.isActive);
    this.onPhoto.layers = layers((region) => region.photo);
    const style = this.active?.how;
    this.onStyle.layers = layers((region) => (region.how === style ? region.parts.get(style) ?? [] : []));
    this.onPhoto.draw();
    this.onStyle.draw();
  }

  chip(region) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: this.nameOf(region) });
    const dot = document.createElement("i");
    dot.style.background = region.colour;
    button.prepend(dot);
    button.setAttribute("aria-pressed", String(region === this.active));
    button.addEventListener("click", () => {
      this.active = region;
      this.show();
      $("regions").children[this.all.indexOf(region)].focus();
    });
    return button;
  }

  // What a request says of the regions: [{name, mask, keep, style, part, colour}], masks as files.
  async masks() {
    const found = [];
    for (const region of this.all) {
      const mask = await maskOf(region.photo, this.onPhoto.size, `region-${region.number}`);
      if (!mask) continue;
      const isKept = region.how === KEEP;
      const part = isKept ? null : await this.maskOfPart(region);
      found.push({ name: `region ${region.number}`, mask, keep: isKept, style: isKept ? null : region.how, part, colour: isKept ? WHOLE : region.inColours });
    }
    return found;
  }

  async maskOfPart(region) {
    const strokes = region.parts.get(region.how) ?? [];
    const address = this.choices.pictureOf(region.how);
    if (!strokes.length || !address) return null;
    const image = new Image();
    image.src = address;
    await image.decode();
    return maskOf(strokes, [image.naturalWidth, image.naturalHeight], `part-${region.number}`);
  }
}
