// The settings of every tab, and the requests that they make with the pictures.

import { onLanguage, text } from "./i18n.js";

const $ = (id) => document.getElementById(id);

export const SIZE_DEFAULT = { paint: 512, texture: 512, reconstruct: 256, video: 512 };
const SHAPES = { "1:1": 1, "4:3": 4 / 3, "3:2": 3 / 2, "16:9": 16 / 9, "3:4": 3 / 4, "2:3": 2 / 3, "9:16": 9 / 16 };
const SIDE_STEP = 64;
const BLOCKS = [1, 2, 3, 4, 5];
const RECIPES = ["default", "photo", "quick"];

export class Settings {
  // about: what the server tells of itself; choices: the pictures; changed: after every change.
  constructor(about, choices, changed) {
    Object.assign(this, { about, choices, changed });
    this.tab = "paint";
    this.sizes = { ...SIZE_DEFAULT }; // of each tab
    this.longest = Infinity; // that the machine can paint, as last told
    this.fillSelects();
    for (const id of ["strength", "scale", "size", "steady"]) {
      $(id).addEventListener("input", () => this.showNumbers());
      $(id).addEventListener("change", () => this.take());
    }
    for (const id of ["colour", "recipe", "shape", "tileable", "seed", "source", "layer", "clip-format", "clip-painted"]) {
      $(id).addEventListener("change", () => this.take());
    }
    onLanguage(() => this.showNumbers());
  }

  fillSelects() {
    const recipes = RECIPES.filter((name) => name in this.about.recipes);
    const fills = {
      colour: () => this.about.entries.stylize.colour.enum.map((name) => [text(`colour.${name}`), name]),
      recipe: () => recipes.map((name) => [text(`recipe.${name}`), name]),
      shape: () => Object.keys(SHAPES).map((name) => [name, name]),
      source: () => (this.about.reconstructions ?? ["content", "style", "figure"]).map((name) => [text(`source.${name}`), name]),
      layer: () => BLOCKS.map((block) => [text("layerOf", { n: block }), String(block)]),
      "clip-format": () => (this.about.clips ?? []).map((name) => [name.toUpperCase(), name]),
    };
    $("layer").replaceChildren(...fills.layer().map(([label, value]) => new Option(label, value)));
    $("layer").value = "4";
    onLanguage(() => {
      for (const [id, fill] of Object.entries(fills)) {
        const before = $(id).value;
        $(id).replaceChildren(...fill().map(([label, value]) => new Option(label, value)));
        if (before) $(id).value = before;
      }
    });
  }

  take() {
    this.sizes[this.tab] = Number($("size").value);
    this.showNumbers();
    this.changed();
  }

  setTab(tab) {
    this.tab = tab;
    this.longest = Infinity;
    this.setLongest(Infinity, 1);
  }

  // Let the size go as far as the server and the machine allow, for a picture of a shape.
  setLongest(longest, ratio) {
    this.longest = longest;
    const most = Math.sqrt(this.about.limits.result_pixels * Math.max(ratio, 1 / ratio));
    const side = Math.floor(Math.min(most, longest, this.about.limits.longest_side) / SIDE_STEP) * SIDE_STEP;
    $("size").min = String(this.tab === "reconstruct" ? 128 : 256);
    $("size").max = String(Math.max(256, side));
    $("size").value = String(this.sizes[this.tab]);
    this.showNumbers();
  }

  get ratio() { return SHAPES[$("shape").value] ?? 1; }

  // --- what can be made ---------------------------------------------------------------------------

  get canStylize() { return this.tab === "paint" && this.choices.photo !== null && this.choices.styles.length > 0; }

  // Why the main button does nothing yet: the name of a text, or nothing.
  get lack() {
    const { photo, clip, styles, havePictures } = this.choices;
    const lacks = {
      paint: () => (photo === null || !styles.length ? "needBoth" : havePictures ? "" : "needPicture"),
      texture: () => (!styles.length ? "needStyle" : havePictures ? "" : "needPictureTexture"),
      reconstruct: () => (photo === null ? "needPhoto" : ""),
      video: () => {
        if (!this.about.clips?.length) return "noClips";
        if (clip === null || !styles.length) return "needClip";
        return $("clip-painted").checked && !havePictures ? "needPicture" : "";
      },
    };
    return lacks[this.tab]();
  }

  // --- requests -----------------------------------------------------------------------------------

  // The request of a kind ("stylize", "paint", "texture", "reconstruct", "video") and its files.
  // masks: as Regions.masks() gives them; feather: of their edges.
  request(kind, masks = [], feather = 0) {
    const parcel = new Parcel();
    const made = this[kind](parcel, masks);
    if (masks.length && made.regions) (made.recipe ?? made).feather = feather;
    return { request: { version: 1, kind, ...made }, files: parcel.files };
  }

  get own() {
    return {
      size: Number($("size").value),
      strength: Number($("strength").value),
      style_scale: 2 ** Number($("scale").value),
      colour: $("colour").value,
    };
  }

  stylize(parcel, masks) {
    const areNames = this.areNames(masks);
    const source = (style) => (areNames ? style.named : parcel.style(style));
    const content = parcel.source(this.choices.photo, "content");
    return { content, styles: this.styles(source, masks), ...this.regions(parcel, masks, source), ...this.own };
  }

  paint(parcel, masks) {
    const source = (style) => parcel.style(style);
    const content = parcel.source(this.choices.photo, "content");
    const recipe = { ...this.about.recipes[$("recipe").value], ...this.own };
    return { content, styles: this.styles(source, masks), ...this.regions(parcel, masks, source), recipe };
  }

  texture(parcel) {
    const long = Number($("size").value);
    const short = (share) => Math.max(32, Math.round(long / share));
    const size = this.ratio >= 1 ? [short(this.ratio), long] : [long, short(1 / this.ratio)];
    const recipe = { ...this.about.recipes.texture, size: long, style_scale: this.own.style_scale, seed: Number($("seed").value) };
    return { styles: this.styles((style) => parcel.style(style), []), size, tileable: $("tileable").checked, recipe };
  }

  reconstruct(parcel) {
    const source = $("source").value;
    const recipe = { ...this.about.recipes.reconstruction, size: Number($("size").value) };
    const block = Number($("layer").value);
    const upTo = BLOCKS.slice(0, block);
    if (source === "content") recipe.content_layers = { [block > 3 ? `relu${block}_2` : `relu${block}_1`]: 1 };
    if (source === "style") recipe.style_layers = Object.fromEntries(upTo.map((one) => [`relu${one}_1`, 1 / block]));
    return { content: parcel.source(this.choices.photo, "content"), source, recipe };
  }

  video(parcel) {
    const isPainted = $("clip-painted").checked;
    const areNames = !isPainted && this.areNames([]);
    const styles = this.styles((style) => (areNames ? style.named : parcel.style(style)), []);
    const picture = { content: parcel.source(this.choices.clip, "content"), styles, ...this.own };
    const made = { picture, start: Number($("start").value), end: Number($("end").value), steady: Number($("steady").value) };
    if (isPainted) made.recipe = { ...this.about.recipes.default, ...this.own };
    return made;
  }

  // Whether the styles go as a model's own names; parts of their pictures need the pictures.
  areNames(masks) {
    return this.choices.styles.every((style) => style.named) && !masks.some((mask) => mask.part);
  }

  // The styles of the whole picture: those with a weight; all, if none has and no region has one.
  styles(source, masks) {
    const { styles } = this.choices;
    const used = styles.filter((style) => style.weight > 0);
    if (!used.length && masks.some((mask) => mask.style)) return [];
    const mixed = used.length ? used : styles.map((style) => ({ ...style, weight: 1 }));
    return mixed.map((style) => ({ source: source(style), weight: mixed.length > 1 ? style.weight : null }));
  }

  regions(parcel, masks, source) {
    if (!masks.length) return {};
    const regions = masks.map(({ name, mask, keep, style, part, colour }, at) => ({
      name,
      content_mask: parcel.source(mask, `mask-${at + 1}`),
      style_mask: part ? parcel.source(part, `part-${at + 1}`) : null,
      style: style ? source(style) : null,
      keep,
      colour,
    }));
    return { regions };
  }

  // Names → width and height of what a request would send, for the estimate.
  async shapes(files) {
    const shapes = {};
    for (const [name, file] of files) shapes[name] = await this.choices.shapeOf(file);
    return Object.values(shapes).every(Boolean) ? shapes : null;
  }

  // --- restored -----------------------------------------------------------------------------------

  // Set all that a request says about settings.
  restore(request) {
    const frame = request.picture ?? request;
    const own = request.recipe && request.kind !== "video" ? request.recipe : frame;
    const set = (id, value) => { if (value !== undefined && value !== null) $(id).value = String(value); };
    const long = request.kind === "texture" ? Math.max(...request.size) : own.size;
    this.sizes[this.tab] = long || SIZE_DEFAULT[this.tab];
    $("size").max = String(Math.max(Number($("size").max), this.sizes[this.tab]));
    set("size", this.sizes[this.tab]);
    set("strength", own.strength);
    set("scale", own.style_scale > 0 ? Math.log2(own.style_scale) : 0);
    set("colour", own.colour);
    if (request.kind === "paint") set("recipe", this.recipeOf(request.recipe));
    if (own.feather && request.regions?.length) set("feather", 100 * own.feather);
    if (request.kind === "texture") {
      const ratio = request.size[1] / request.size[0];
      const apart = (name) => Math.abs(Math.log(SHAPES[name] / ratio));
      set("shape", Object.keys(SHAPES).sort((one, other) => apart(one) - apart(other))[0]);
      $("tileable").checked = Boolean(request.tileable);
      set("seed", request.recipe.seed);
    }
    if (request.kind === "reconstruct") {
      set("source", request.source);
      const layers = request.source === "style" ? request.recipe.style_layers : request.recipe.content_layers;
      set("layer", /^relu(\d)/.exec(Object.keys(layers).at(-1) ?? "")?.[1]);
    }
    if (request.kind === "video") {
      for (const name of ["start", "end", "steady"]) set(name, request[name]);
      $("clip-painted").checked = Boolean(request.recipe);
    }
    this.showNumbers();
  }

  recipeOf(recipe) {
    const tells = ["content_weight", "laplacian_weight", "detail", "init", "scales"];
    const same = (name) => tells.every((entry) => this.about.recipes[name][entry] === recipe[entry]);
    return ["photo", "quick"].find(same) ?? "default";
  }

  showNumbers() {
    $("strength-shown").value = `${Math.round(Number($("strength").value) * 100)} %`;
    $("scale-shown").value = `${Number((2 ** Number($("scale").value)).toFixed(2))}×`;
    $("size-shown").value = `${$("size").value} px`;
    $("steady-shown").value = `${Math.round(Number($("steady").value) * 100)} %`;
    $("layer-part").hidden = this.tab !== "reconstruct" || $("source").value === "figure";
  }
}

// Files under the names by which a request calls them.
class Parcel {
  constructor() {
    this.files = new Map();
    this.names = new Map();
  }

  // thing: a Blob, or the name of a sample.
  source(thing, name) {
    if (!(thing instanceof Blob)) return `sample:${thing}`;
    if (!this.names.has(thing)) {
      this.names.set(thing, name);
      this.files.set(name, thing);
    }
    return `upload:${this.names.get(thing)}`;
  }

  style(style) { return this.source(style.file ?? style.painting, `style-${this.files.size + 1}`); }
}
