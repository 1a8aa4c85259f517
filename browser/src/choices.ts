// What a person has chosen: photograph, one style or two, settings.

import { onLanguage, text } from "../../src/impasto/web/static/i18n.js";
import { $, input, isPressed, made, press } from "./dom";
import type { ColourMode, Look } from "./painting";
import type { StylizeRequest } from "./requests";
import type { Site } from "./site";
import type { Part } from "./studio";

const COLOURS: readonly ColourMode[] = ["style", "content", "luminance"];

/** A style that can be chosen. `key` is set for pictures of the person's own. */
interface Tile {
  readonly name: string;
  readonly key: string;
  readonly thumbnail: string;
}

export const titleOf = (name: string) => name.replaceAll("-", " ");

export class Choices {
  /** File name of the photograph; empty if there is none. */
  photograph = "";
  private own: Tile[] = [];
  private chosen: Tile[] = [];

  /** `changed` is called after each change by the person. */
  constructor(private readonly site: Site, private readonly changed: () => void) {
    const [first] = site.styles;
    if (first) this.chosen = [{ ...first, key: "" }];
    for (const id of ["strength", "scale", "size", "mix-share"]) {
      $(id).addEventListener("input", () => this.showNumbers());
      $(id).addEventListener("change", changed);
    }
    $("colour").addEventListener("change", changed);
    $("mix").addEventListener("click", () => this.toggleMixing());
    onLanguage(() => this.show());
  }

  get isReady(): boolean {
    return this.photograph !== "" && this.chosen.length > 0;
  }

  get parts(): Part[] {
    return this.chosen.map(({ name, key }, i) => ({ name, key, weight: this.weights[i] })).filter((part) => part.weight > 0);
  }

  get look(): Look {
    return {
      size: Math.round(Number(input("size").value)),
      strength: Number(input("strength").value),
      style_scale: 2 ** Number(input("scale").value),
      colour: $<HTMLSelectElement>("colour").value as ColourMode,
    };
  }

  get request(): StylizeRequest {
    const isMixed = this.parts.length > 1;
    const styles = this.parts.map(({ name, weight }) => ({ source: name, weight: isMixed ? weight : null }));
    return { content: this.photograph, styles, look: this.look };
  }

  /** Add a style picture of the person's own, and choose it. */
  addOwn(key: string, name: string, thumbnail: string): void {
    const tile = { name, key, thumbnail };
    this.own.push(tile);
    this.choose(tile);
  }

  /** Set what a request says; what is missing of it: nothing, or pictures. */
  restore({ styles, look, content }: StylizeRequest): boolean {
    set("strength", look.strength);
    set("scale", Math.log2(look.style_scale));
    set("size", look.size);
    $<HTMLSelectElement>("colour").value = look.colour;
    const found = styles.flatMap(({ source, weight }) => {
      const tile = this.tiles.find(({ name }) => name === source);
      return tile ? [{ tile, weight: weight ?? 1 }] : [];
    });
    const fits = found.filter(({ tile }) => Boolean(tile.key) === Boolean(found[0].tile.key));
    if (fits.length) this.chosen = fits.map(({ tile }) => tile);
    if (fits.length === 2) set("mix-share", (100 * fits[1].weight) / (fits[0].weight + fits[1].weight));
    press("mix", fits.length === 2);
    this.show();
    return fits.length === styles.length && styles.length > 0 && this.photograph === content;
  }

  private get tiles(): Tile[] {
    return [...this.own, ...this.site.styles.map((style) => ({ ...style, key: "" }))];
  }

  private get weights(): number[] {
    const share = Number(input("mix-share").value) / 100;
    return this.chosen.length < 2 ? [1] : [1 - share, share];
  }

  private choose(tile: Tile): void {
    const others = this.chosen.filter((one) => !same(one, tile));
    const fitting = others.filter((one) => Boolean(one.key) === Boolean(tile.key));
    if (!isPressed("mix")) this.chosen = [tile];
    else if (this.chosen.some((one) => same(one, tile))) this.chosen = others.length ? others : this.chosen;
    else this.chosen = [...fitting.slice(-1), tile];
    this.show();
    if (isPressed("mix") && fitting.length < others.length) $("mix-hint").textContent = text("mixPictures");
    this.changed();
  }

  private toggleMixing(): void {
    const isOn = !isPressed("mix");
    press("mix", isOn);
    const before = this.chosen.length;
    if (!isOn) this.chosen = this.chosen.slice(0, 1);
    this.show();
    if (this.chosen.length !== before) this.changed();
  }

  private show(): void {
    const select = $<HTMLSelectElement>("colour");
    const colour = select.value || "style";
    select.replaceChildren(...COLOURS.map((mode) => new Option(text(`colour.${mode}`), mode)));
    select.value = colour;
    // Tiles stay, so that the keyboard's place is not lost.
    const shown = new Map([...$("styles").children].map((tile) => [(tile as HTMLElement).dataset.tile, tile as HTMLElement]));
    $("styles").replaceChildren(...this.tiles.map((tile) => shown.get(idOf(tile)) ?? this.button(tile)));
    for (const tile of this.tiles) {
      const button = [...$("styles").children].find((one) => (one as HTMLElement).dataset.tile === idOf(tile));
      button?.setAttribute("aria-pressed", String(this.chosen.some((one) => same(one, tile))));
    }
    const isMixed = this.chosen.length > 1;
    $("mixture").hidden = !isMixed;
    $("mix-hint").hidden = !isPressed("mix") || isMixed;
    $("mix-hint").textContent = text("mixHint");
    this.showNumbers();
  }

  private button(tile: Tile): HTMLElement {
    const button = made("button", { type: "button" });
    button.dataset.tile = idOf(tile);
    button.dataset.style = tile.name;
    button.append(tile.thumbnail ? made("img", { src: tile.thumbnail, alt: "", loading: "lazy", width: 120, height: 120 }) : made("span", { className: "blank" }));
    button.append(made("span", { textContent: titleOf(tile.name) }));
    button.addEventListener("click", () => this.choose(tile));
    return button;
  }

  private showNumbers(): void {
    const { strength, style_scale, size } = this.look;
    $<HTMLOutputElement>("strength-shown").value = `${Math.round(100 * strength)} %`;
    $<HTMLOutputElement>("scale-shown").value = `${Number(style_scale.toFixed(2))}×`;
    $<HTMLOutputElement>("size-shown").value = `${size} px`;
    const [first, second] = this.chosen;
    if (!second) return;
    const percent = Math.round(Number(input("mix-share").value));
    $<HTMLOutputElement>("mix-first").value = `${titleOf(first.name)} ${100 - percent} %`;
    $<HTMLOutputElement>("mix-second").value = `${titleOf(second.name)} ${percent} %`;
  }
}

/** A value that may lie between a slider's steps. */
function set(id: string, value: number): void {
  input(id).step = "any";
  input(id).value = String(value);
}

const idOf = ({ key, name }: Tile) => `${key}/${name}`;
const same = (a: Tile, b: Tile) => idOf(a) === idOf(b);
