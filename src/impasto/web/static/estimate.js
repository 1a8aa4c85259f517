// What a painting would take, told while its settings are chosen.

import { bytes, duration, text } from "./i18n.js";
import * as service from "./service.js";

const $ = (id) => document.getElementById(id);
const QUIET_MS = 700; // after the last change

export class Estimate {
  constructor(settings) {
    this.settings = settings;
    this.asked = "";
  }

  // Ask for a request, if it is another one than before; {request, files}.
  ask(made) {
    clearTimeout(this.timer);
    const words = made ? JSON.stringify(made.request) : "";
    if (words && words === this.asked) return;
    this.forget();
    if (made) this.timer = setTimeout(() => this.tell(made, words), QUIET_MS);
  }

  forget() {
    this.stopped?.abort();
    this.asked = "";
    $("plan").textContent = "";
  }

  async tell({ request, files }, words) {
    const stopped = new AbortController();
    this.stopped = stopped;
    const shapes = await this.settings.shapes(files);
    if (!shapes || stopped.signal.aborted) return; // the browser cannot show a picture
    try {
      const found = await service.plan(request, shapes, stopped.signal);
      if (stopped.signal.aborted) return;
      this.asked = words;
      const [width, height] = found.sizes.at(-1);
      const parts = [];
      if (found.seconds) parts.push(text("planTime", { time: duration(found.seconds), memory: bytes(found.bytes) }));
      if (found.longest_side) {
        this.settings.setLongest(found.longest_side, width / height);
        parts.push(text("planLongest", { side: $("size").max }));
      }
      $("plan").textContent = parts.join(" ");
    } catch (error) {
      if (!(error instanceof service.ServiceError) || stopped.signal.aborted) return;
      if (error.status === 422) $("plan").textContent = error.message; // such as: too large
    }
  }
}
