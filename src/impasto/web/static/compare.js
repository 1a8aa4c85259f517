// Two results side by side, moved and enlarged together, with what differs in their settings.

import { text } from "./i18n.js";
import * as service from "./service.js";
import { LinkedZoom } from "./zoom.js";

const $ = (id) => document.getElementById(id);
const MOST_ROWS = 12;

export class Compare {
  constructor(closed) {
    this.zoom = new LinkedZoom([$("frame-a"), $("frame-b")], (scale) => {
      $("zoom-shown").value = `${Math.round(100 * scale)} %`;
    });
    $("zoom-in").addEventListener("click", () => this.zoom.zoom(1.5));
    $("zoom-out").addEventListener("click", () => this.zoom.zoom(1 / 1.5));
    $("zoom-fit").addEventListener("click", () => this.zoom.fit());
    $("zoom-actual").addEventListener("click", () => this.zoom.actual($("pair-a")));
    $("pair-close").addEventListener("click", () => $("pair-dialog").close());
    $("pair-dialog").addEventListener("close", closed);
  }

  // jobs: two, as the server describes them; names: what they are called.
  show(jobs, names) {
    ["a", "b"].forEach((side, at) => {
      const job = jobs[at];
      const isPicture = job.formats.includes("png");
      $(`pair-${side}`).src = isPicture ? service.resultOf(job.id, "png") : service.previewOf(job.id, "pair");
      $(`pair-${side}`).alt = names[at];
      $(`told-${side}`).textContent = names[at];
    });
    const rows = differences(...jobs.map((job) => job.events.finished?.request ?? {}));
    $("apart").hidden = !rows.length;
    $("apart-rows").replaceChildren(...rows.slice(0, MOST_ROWS).map(([name, ...values]) => row(name, values)));
    $("pair-dialog").showModal();
    this.zoom.fit();
    $("frame-a").focus();
  }
}

function row(name, values) {
  const line = document.createElement("tr");
  const head = Object.assign(document.createElement("th"), { textContent: name, scope: "row" });
  line.append(head, ...values.map((value) => Object.assign(document.createElement("td"), { textContent: value })));
  return line;
}

// The entries of two requests that differ: [name, value of the one, value of the other].
export function differences(one, other) {
  const [a, b] = [flat(one), flat(other)];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names.filter((name) => a[name] !== b[name]).map((name) => [labelOf(name), a[name] ?? "–", b[name] ?? "–"]);
}

function flat({ recipe, picture, styles, regions, version, content, ...own }) {
  const entries = { ...own, ...(picture ? flat(picture) : {}), ...(recipe ?? {}) };
  if (styles) entries.styles = styles.map(({ source, weight }) => `${String(source).replace(/\.upload$/, "")}${weight ? ` ${weight}` : ""}`).join(", ");
  if (regions?.length) entries.regions = regions.length;
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, shown(value)]));
}

function shown(value) {
  if (typeof value === "number") return String(Number(value.toPrecision(4)));
  if (value && typeof value === "object") return Object.entries(value).map(([name, part]) => `${name} ${shown(part)}`).join(", ");
  return String(value ?? "");
}

const LABELS = { strength: "strength", style_scale: "strokes", size: "size", colour: "colours", styles: "style", regions: "mask", kind: "way", seed: "seed", feather: "feather" };

const labelOf = (name) => (name in LABELS ? text(LABELS[name]) : name.replaceAll("_", " "));
