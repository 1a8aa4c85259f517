// What was made in this session: thumbnails that open a picture again, and ticks for two of them.

import { text } from "./i18n.js";
import * as service from "./service.js";

const $ = (id) => document.getElementById(id);

export class History {
  // open: called with the id of a job that was chosen; pair: with two jobs and their names.
  constructor(open, pair) {
    this.open = open;
    this.pair = pair;
    this.jobs = [];
    this.ticked = [];
    this.current = "";
  }

  // Ask the server what there is; current: the id of the picture that is shown.
  async update(current) {
    this.current = current;
    this.jobs = await service.jobs().catch(() => this.jobs);
    this.show();
  }

  // No job is shown.
  leave() {
    this.current = "";
    this.show();
  }

  // A job was deleted.
  drop(id) {
    this.jobs = this.jobs.filter((job) => job.id !== id);
    this.ticked = this.ticked.filter((one) => one !== id);
    this.show();
  }

  show() {
    const focused = document.activeElement?.id;
    $("history-told").hidden = this.jobs.filter((job) => job.links.preview).length < 2;
    $("made").replaceChildren(...this.jobs.map((job) => this.item(job)));
    if (focused && focused.startsWith("tick-")) $(focused)?.focus();
  }

  nameOf(job) {
    const words = [text(`kind.${job.kind}`), text(`state.${job.state}`)].filter(Boolean);
    const time = new Date(job.created * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    return `${time} ${words.join(", ")}`;
  }

  item(job) {
    const item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.dataset.job = job.id;
    if (job.id === this.current) button.setAttribute("aria-current", "true");
    if (job.links.preview) {
      const image = new Image();
      image.src = service.previewOf(job.id, `thumbnail-${job.events.preview.number}`);
      image.alt = "";
      image.addEventListener("error", () => image.removeAttribute("src")); // it was deleted meanwhile
      button.append(image);
    } else {
      button.append(Object.assign(document.createElement("span"), { className: "none" }));
    }
    button.append(Object.assign(document.createElement("span"), { textContent: this.nameOf(job) }));
    button.addEventListener("click", () => this.open(job.id));
    item.append(button);
    if (job.links.preview) item.append(this.tick(job));
    return item;
  }

  tick(job) {
    const tick = Object.assign(document.createElement("input"), { type: "checkbox", id: `tick-${job.id}` });
    tick.checked = this.ticked.includes(job.id);
    tick.setAttribute("aria-label", text("tick", { name: this.nameOf(job) }));
    tick.addEventListener("change", () => {
      this.ticked = this.ticked.filter((id) => id !== job.id);
      if (tick.checked) this.ticked.push(job.id);
      if (this.ticked.length < 2) return;
      const two = this.ticked.map((id) => this.jobs.find((one) => one.id === id)).filter(Boolean);
      this.ticked = [];
      if (two.length === 2) this.pair(two, two.map((one) => this.nameOf(one)));
      this.show();
    });
    return tick;
  }
}
