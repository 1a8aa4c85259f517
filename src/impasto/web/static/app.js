// The page: choose, make in one pass, paint and watch, keep, go on.

import { Choices } from "./choices.js";
import { acceptFiles, isPictureFile } from "./files.js";
import { History } from "./history.js";
import { duration, onLanguage, otherLanguage, text, toggleLanguage, translatePage } from "./i18n.js";
import * as service from "./service.js";
import { Stage } from "./stage.js";

const $ = (id) => document.getElementById(id);
const AUTOMATIC_MS = 400; // after the last change, a picture in one pass is made by itself
const NARROW = 900; // pixels, as in style.css: there the picture is below the settings

class Page {
  constructor(about) {
    this.about = about;
    this.stage = new Stage();
    this.history = new History((id) => this.open(id));
    this.current = null; // the job that is shown: {id, kind, state, isAutomatic, request}
    this.inputs = new Map(); // id → what it was made from, while the tab is open
    this.unfollow = () => {};
    this.choices = new Choices(about, () => this.changed());
    this.stage.masked = () => this.changed();
    this.listen();
    onLanguage(() => this.translate());
  }

  listen() {
    const clicks = {
      quick: () => this.makeNow("stylize"),
      paint: () => this.makeNow("paint"),
      stop: () => service.stop(this.current.id),
      resume: () => this.resume(),
      restore: () => this.restore(this.current.request, this.inputs.get(this.current.id)),
      link: () => this.copyLink(),
      forget: () => this.forget(),
      sample: () => this.choices.setPhoto("tuebingen"),
    };
    for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", () => this.attempt(act));
    const parts = {
      photo: (files) => this.choices.setPhoto(files[0]),
      "own-style": (files) => files.forEach((file) => this.choices.addStyleFile(file)),
      "made-elsewhere": (files) => this.restoreFile(files[0]),
    };
    acceptFiles(parts, {
      fits: (file) => this.fits(file),
      isMade: (file) => this.restoreFile(file, true),
      attempt: (act) => this.attempt(act),
    });
    addEventListener("hashchange", () => this.attempt(() => this.openLink()));
  }

  // Do something; what goes wrong is told in one sentence.
  async attempt(act) {
    this.problem("");
    try {
      await act();
    } catch (error) {
      if (!(error instanceof service.ServiceError)) throw error;
      if (error.status === 401) { $("token-dialog").showModal(); return; }
      this.problem(error.status ? error.message : text("gone"));
    }
  }

  problem(message) {
    $("problem").textContent = message;
    $("problem").hidden = !message;
  }

  fits(file) {
    const most = this.about.limits.upload_bytes;
    if (!isPictureFile(file)) this.problem(text("notPicture"));
    else if (file.size > most) this.problem(text("tooLarge", { size: Math.floor(most / 1e6) }));
    else return true;
    return false;
  }

  get isPainting() {
    return this.current !== null && ["queued", "running"].includes(this.current.state);
  }

  changed() {
    const photo = this.choices.photoUrl;
    if (photo !== this.shownPhoto) {
      this.shownPhoto = photo;
      this.stage.strokes = [];
      this.stage.setBefore(photo);
      this.stage.showPhoto(photo);
    }
    clearTimeout(this.timer);
    if (!this.choices.canStylize || (this.isPainting && this.current.kind !== "stylize")) return;
    this.timer = setTimeout(() => this.attempt(() => this.make("stylize", true)), AUTOMATIC_MS);
  }

  async makeNow(kind) {
    if (innerWidth < NARROW) $("stage").scrollIntoView();
    await this.make(kind);
  }

  async make(kind, isAutomatic = false) {
    clearTimeout(this.timer);
    const before = this.current;
    if (before?.isAutomatic) {
      this.unfollow();
      this.current = null;
      await service.forget(before.id).catch(() => {});
    }
    const mask = await this.stage.mask();
    const { request, files } = this.choices.request(kind, mask);
    this.begin();
    const job = await service.send(request, files);
    this.inputs.set(job.id, { photo: this.choices.photo, styles: this.choices.styles.map((style) => ({ ...style })) });
    this.watch(job, isAutomatic);
  }

  begin() {
    $("notes").replaceChildren();
    $("results").hidden = true;
    $("kept").textContent = "";
    $("told").textContent = "";
    $("status").textContent = text("starting");
  }

  // Show a job and follow it.
  watch(job, isAutomatic = false) {
    this.unfollow();
    this.current = { id: job.id, kind: job.kind, state: job.state, isAutomatic, request: job.events?.finished?.request };
    history.replaceState(null, "", `#job=${job.id}`);
    $("bar").removeAttribute("value");
    $("work").hidden = job.state !== "queued" && job.state !== "running";
    $("status").textContent = text("starting");
    const id = job.id;
    this.unfollow = service.follow(id, (event, data) => {
      if (this.current?.id === id) this[`on_${event}`](data);
    }, () => this.attempt(() => this.lost(id)));
    this.history.update(this.current.id);
  }

  async lost(id) {
    await service.job(id); // which tells why
    this.problem(text("gone"));
  }

  on_state(data) {
    this.current.state = data.state;
    $("work").hidden = !["queued", "running"].includes(data.state);
    $("stop").hidden = this.current.kind === "stylize" && data.state === "running";
    if (data.state === "queued" && data.place) $("status").textContent = text("waiting", { place: data.place });
    if (["queued", "running"].includes(data.state)) return;
    $("results").hidden = false;
    $("resume").hidden = !data.resumable;
    for (const format of ["png", "jpeg", "tiff"]) {
      $(`save-${format}`).hidden = !data.formats.includes(format);
      $(`save-${format}`).href = service.resultOf(this.current.id, format, true);
    }
    $("restore").hidden = !this.current.request;
    if (data.result) $("kept").textContent = text("kept", { time: duration(this.about.limits.keep_seconds) });
    if (data.state === "stopped") $("told").textContent = text(data.result ? "stopped" : "stoppedEmpty");
    this.history.update(this.current.id);
  }

  on_planned(data) {
    const [width, height] = data.sizes.at(-1);
    this.stage.size = [width, height];
    if (data.seconds) $("status").textContent = text("planned", { time: duration(data.seconds), width, height });
  }

  on_progress(data) {
    $("bar").value = data.share;
    const parts = [text("step", data)];
    if (data.seconds_left) parts.push(text("left", { time: duration(data.seconds_left) }));
    $("status").textContent = parts.join(" · ");
  }

  on_preview(data) {
    this.stage.show(service.previewOf(this.current.id, data.number), { isPreview: true });
  }

  on_note(data) {
    const item = document.createElement("li");
    item.textContent = data.text;
    $("notes").append(item);
  }

  on_finished(data) {
    this.current.request = data.request;
    const size = [data.width, data.height];
    this.stage.show(service.resultOf(this.current.id, "png"), { size });
    if (data.is_finished) $("told").textContent = text("finished", { ...data, time: duration(data.seconds) });
  }

  on_failed(data) {
    this.problem(data.message || text("failed"));
  }

  async resume() {
    this.begin();
    this.watch(await service.resume(this.current.id));
  }

  async forget() {
    const { id } = this.current;
    await service.forget(id);
    this.unfollow();
    this.current = null;
    history.replaceState(null, "", location.pathname);
    this.begin();
    $("work").hidden = true;
    $("told").textContent = text("deleted");
    this.stage.showPhoto(this.shownPhoto);
    this.history.update("");
  }

  async copyLink() {
    const link = `${location.origin}/#job=${this.current.id}`;
    const isCopied = await navigator.clipboard?.writeText(link).then(() => true, () => false);
    $("told").textContent = isCopied ? text("copied") : link; // without HTTPS there is no clipboard
  }

  restore(request, inputs) {
    this.choices.restore(request, inputs);
    const photo = this.choices.photoUrl;
    if (photo !== this.shownPhoto) {
      this.shownPhoto = photo;
      this.stage.setBefore(photo);
    }
    $("told").textContent = text(this.choices.canStylize ? "restored" : "restoredWithout");
  }

  // Settings from a file; if it may be any photograph, only a picture of Impasto's is taken.
  async restoreFile(file, isAny = false) {
    try {
      this.restore(await service.requestOf(file), null);
      return true;
    } catch (error) {
      if (isAny && error.status === 422) return false;
      throw error;
    }
  }

  async open(id) {
    this.begin();
    const job = await service.job(id);
    const inputs = this.inputs.get(id);
    this.shownPhoto = inputs ? (inputs.photo instanceof File ? this.choices.urlOf(inputs.photo) : `/static/samples/${inputs.photo}.jpg`) : "";
    this.stage.setBefore(this.shownPhoto);
    if (!job.links.preview && !job.result) this.stage.clear();
    this.watch(job);
  }

  async openLink() {
    const found = /^#job=([\w-]{20,64})$/.exec(location.hash);
    if (found && found[1] !== this.current?.id) await this.open(found[1]);
  }

  translate() {
    translatePage();
    $("language").textContent = text("other");
    $("language").lang = otherLanguage();
    this.history.show();
  }
}

async function enter() {
  const found = /^#token=([\w.~-]+)$/.exec(location.hash);
  if (!found) return;
  history.replaceState(null, "", location.pathname);
  await service.enter(found[1]).catch(() => {});
}

async function start() {
  translatePage();
  $("language").addEventListener("click", toggleLanguage);
  $("token-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await service.enter($("token").value);
      location.reload();
    } catch (error) {
      $("token-problem").textContent = error.message;
    }
  });
  await enter();
  try {
    const page = new Page(await service.about());
    await page.history.update("");
    await page.attempt(() => page.openLink());
    document.body.dataset.ready = "yes";
  } catch (error) {
    if (error.status === 401) { $("token-dialog").showModal(); return; }
    $("problem").textContent = error.message || text("gone");
    $("problem").hidden = false;
  }
}

start();
