// What the person has chosen: photograph, styles with weights, settings; and the request of it.

import { onLanguage, text } from "./i18n.js";

const $ = (id) => document.getElementById(id);

export const SIZE_DEFAULT = 512;

export class Choices {
  // about: what the server tells of itself; changed: called after every change.
  constructor(about, changed) {
    this.about = about;
    this.photo = null; // a File, or the name of a sample
    this.styles = []; // {name, file} or {name, named}, each with a weight
    this.changed = changed;
    this.urls = new Map();
    this.fillSelects();
    this.showTiles();
    const most = Math.min(2048, Math.floor(about.limits.longest_side / 2 / 64) * 64);
    $("size").max = String(most);
    for (const id of ["strength", "scale", "size"]) {
      $(id).addEventListener("input", () => this.showNumbers());
      $(id).addEventListener("change", () => changed());
    }
    for (const id of ["colour", "recipe"]) $(id).addEventListener("change", () => changed());
    onLanguage(() => this.show());
  }

  fillSelects() {
    const modes = this.about.entries.stylize.colour.enum;
    const recipes = ["default", "photo", "quick"].filter((name) => name in this.about.recipes);
    onLanguage(() => {
      for (const [id, names, key] of [["colour", modes, "colour"], ["recipe", recipes, "recipe"]]) {
        const before = $(id).value;
        $(id).replaceChildren(...names.map((name) => new Option(text(`${key}.${name}`), name)));
        if (before) $(id).value = before;
      }
    });
  }

  showTiles() {
    const tiles = this.about.styles.map((style) => {
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
      this.styles.push({ name: style.name.replaceAll("-", " "), named: style.name, painting: style.painting, thumbnail: style.thumbnail, weight: 1 });
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

  urlOf(file) {
    if (!this.urls.has(file)) this.urls.set(file, URL.createObjectURL(file));
    return this.urls.get(file);
  }

  get photoUrl() {
    if (this.photo === null) return "";
    return this.photo instanceof File ? this.urlOf(this.photo) : `/static/samples/${this.photo}.jpg`;
  }

  get canStylize() {
    return this.photo !== null && this.styles.length > 0;
  }

  get canPaint() {
    return this.canStylize && this.styles.every((style) => style.file || style.painting);
  }

  // The request and its files. kind: "stylize" or "paint"; mask: a Blob of what is kept, or null.
  request(kind, mask) {
    const files = new Map();
    const source = (thing, name) => {
      if (!(thing instanceof Blob)) return `sample:${thing}`;
      files.set(name, thing);
      return `upload:${name}`;
    };
    const content = source(this.photo, "content");
    const named = kind === "stylize" && this.styles.every((style) => style.named);
    const several = this.styles.length > 1;
    const styles = this.styles.map((style, number) => ({
      source: named ? style.named : source(style.file ?? style.painting, `style-${number + 1}`),
      weight: several ? style.weight : null,
    }));
    const request = { version: 1, kind, content, styles };
    if (mask) request.regions = [{ name: "kept", content_mask: source(mask, "mask-1"), keep: true }];
    const own = {
      size: Number($("size").value),
      strength: Number($("strength").value),
      style_scale: 2 ** Number($("scale").value),
      colour: $("colour").value,
    };
    if (kind === "stylize") return { request: { ...request, ...own }, files };
    const base = this.about.recipes[$("recipe").value];
    return { request: { ...request, recipe: { ...base, ...own } }, files };
  }

  // Set all that a request says; its files are set by files, if they are known.
  restore(request, files) {
    const own = request.recipe ?? request;
    const set = (id, value) => { if (value !== undefined) $(id).value = String(value); };
    set("strength", own.strength);
    set("scale", own.style_scale > 0 ? Math.log2(own.style_scale) : 0);
    set("size", own.size || SIZE_DEFAULT);
    set("colour", own.colour);
    if (request.recipe) set("recipe", this.recipeOf(request.recipe));
    if (files) {
      this.photo = files.photo;
      this.styles = files.styles.map((style) => ({ ...style }));
    } else {
      const known = (name) => this.about.styles.find((style) => style.name === name || (style.painting && name.startsWith(`${style.painting}.`)));
      const found = (request.styles ?? []).map((style) => ({ style: known(style.source), weight: style.weight ?? 1 }));
      this.styles = found.filter((one) => one.style).map(({ style, weight }) => (
        { name: style.name.replaceAll("-", " "), named: style.name, painting: style.painting, thumbnail: style.thumbnail, weight }));
    }
    this.show();
  }

  recipeOf(recipe) {
    const tells = ["content_weight", "laplacian_weight", "detail", "init", "scales"];
    const same = (name) => tells.every((entry) => this.about.recipes[name][entry] === recipe[entry]);
    return ["photo", "quick"].find(same) ?? "default";
  }

  show() {
    const chosen = new Set(this.styles.map((style) => style.named));
    for (const tile of $("styles").children) tile.setAttribute("aria-pressed", String(chosen.has(tile.dataset.style)));
    $("photo-shown").hidden = !this.photo;
    if (this.photo) $("photo-shown").src = this.photoUrl;
    $("photo-shown").alt = text("photoOf");
    $("chosen").replaceChildren(...this.styles.map((style) => this.row(style)));
    this.showNumbers();
    $("quick").disabled = !this.canStylize;
    $("paint").disabled = !this.canPaint;
    $("hint").textContent = !this.canStylize ? text("needBoth") : this.canPaint ? "" : text("needPicture");
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
      const weight = Object.assign(document.createElement("input"), { type: "range", min: "0.1", max: "1", step: "0.1", value: String(style.weight) });
      weight.setAttribute("aria-label", text("weight", { name: style.name }));
      weight.addEventListener("change", () => { style.weight = Number(weight.value); this.changed(); });
      middle.append(weight);
    }
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
    remove.setAttribute("aria-label", text("remove", { name: style.name }));
    remove.addEventListener("click", () => { this.styles = this.styles.filter((one) => one !== style); this.show(); this.changed(); });
    item.append(image, middle, remove);
    return item;
  }

  showNumbers() {
    $("strength-shown").value = `${Math.round(Number($("strength").value) * 100)} %`;
    $("scale-shown").value = `${Number((2 ** Number($("scale").value)).toFixed(2))}×`;
    $("size-shown").value = `${$("size").value} px`;
  }
}

