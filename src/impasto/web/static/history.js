// What was made in this session: thumbnails that open a picture again.

import { text } from "./i18n.js";
import * as service from "./service.js";

const $ = (id) => document.getElementById(id);

export class History {
  // open: called with the id of a job that was chosen.
  constructor(open) {
    this.open = open;
    this.jobs = [];
    this.current = "";
  }

  // Ask the server what there is; current: the id of the picture that is shown.
  async update(current) {
    this.current = current;
    this.jobs = await service.jobs().catch(() => this.jobs);
    this.show();
  }

  show() {
    $("history").hidden = false;
    $("made").replaceChildren(...this.jobs.map((job) => this.item(job)));
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
      button.append(image);
    } else {
      button.append(Object.assign(document.createElement("span"), { className: "none" }));
    }
    const words = [text(`kind.${job.kind}`), text(`state.${job.state}`)].filter(Boolean);
    const time = new Date(job.created * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    button.append(Object.assign(document.createElement("span"), { textContent: `${time} ${words.join(", ")}` }));
    button.addEventListener("click", () => this.open(job.id));
    item.append(button);
    return item;
  }
}
