// The page: choose, make in one pass, paint and watch, keep, go on.

import { Choices } from "./choices.js";
import { Code, copied } from "./code.js";
import { Compare } from "./compare.js";
import { CropError } from "./crop.js";
import { Estimate } from "./estimate.js";
import { acceptFiles, isClipFile, isPictureFile } from "./files.js";
import { History } from "./history.js";
import { duration, onLanguage, otherLanguage, text, translatePage } from "./i18n.js";
import { Regions } from "./regions.js";
import * as service from "./service.js";
import { Settings } from "./settings.js";
import { Stage } from "./stage.js";
import { Tabs, tabOf } from "./tabs.js";

const $ = (id) => document.getElementById(id);
const AUTOMATIC_MS = 400; // after the last change, a picture in one pass is made by itself
const NARROW = 900; // pixels, as in style.css: there the picture is below the settings
const BUSY = ["queued", "running"];
const FILMS = ["mp4", "webm"]; // formats of clips that a video element shows; others are pictures
const ACTS = { paint: "paint", texture: "makeTexture", reconstruct: "makeReconstruct", video: "makeVideo" };
const TITLES = { paint: "titlePaint", texture: "titleTexture", reconstruct: "titleReconstruct", video: "titleVideo" };
const EMPTY = { paint: "emptyPaint", texture: "emptyTexture", reconstruct: "emptyReconstruct", video: "emptyVideo" };

export class Page {
  constructor(about) {
    this.about = about;
    this.stage = new Stage();
    this.compare = new Compare(() => this.history.show());
    this.code = new Code();
    this.history = new History((id) => this.attempt(() => this.open(id)), (jobs, names) => this.compare.show(jobs, names));
    this.current = null; // the job that is shown: {id, kind, state, request}
    this.automatic = ""; // the last job that was made without being asked for
    this.inputs = new Map(); // id → what it was made from, while the tab is open
    this.unfollow = () => {};
    this.choices = new Choices(about, () => this.changed(), (act) => this.attempt(act));
    this.settings = new Settings(about, this.choices, () => this.changed());
    this.regions = new Regions(this.choices, () => this.changed());
    this.estimate = new Estimate(this.settings);
    this.tabs = new Tabs((tab) => this.tabChanged(tab));
    this.tabs.choose("paint");
    this.listen();
    onLanguage(() => this.translate());
  }

  listen() {
    const clicks = {
      quick: () => this.makeNow("stylize"),
      paint: () => this.makeNow(this.tabs.now),
      stop: () => service.stop(this.current.id),
      resume: () => this.resume(),
      restore: () => this.restore(this.current.request, this.inputs.get(this.current.id)),
      link: () => this.copyLink(),
      "copy-code": () => this.code.show(this.current.id, this.inputs.get(this.current.id)?.files),
      forget: () => this.forget(),
      sample: () => this.choices.setPhoto("tuebingen"),
      mask: () => this.brush(!this.regions.isOpen),
    };
    for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", () => this.attempt(act));
    const parts = {
      photo: (files) => this.choices.setPhoto(files[0]),
      "clip-file": (files) => { this.tabs.choose("video"); this.choices.setClip(files[0]); },
      "own-style": (files) => files.forEach((file) => this.choices.addStyleFile(file)),
      "made-elsewhere": (files) => this.restoreFile(files[0]),
    };
    acceptFiles(parts, {
      fits: (file, id) => this.fits(file, id),
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
      if (error instanceof CropError) { this.problem(text("cannotCrop")); return; }
      if (!(error instanceof service.ServiceError)) throw error;
      if (error.status === 401) { $("token-dialog").showModal(); return; }
      this.problem(error.status ? error.message : text("gone"));
    }
  }

  problem(message) {
    $("problem").textContent = message;
    $("problem").hidden = !message;
  }

  fits(file, id = "") {
    const most = this.about.limits.upload_bytes;
    const mayBeClip = ["", "clip-file", "made-elsewhere"].includes(id);
    if (!isPictureFile(file) && !(mayBeClip && isClipFile(file))) this.problem(text("notPicture"));
    else if (file.size > most) this.problem(text("tooLarge", { size: Math.floor(most / 1e6) }));
    else return true;
    return false;
  }

  get isBusy() { return this.current !== null && BUSY.includes(this.current.state); }

  // --- what is chosen -----------------------------------------------------------------------------

  tabChanged(tab) {
    this.settings.setTab(tab);
    this.brush(false);
    const words = { paint: ACTS[tab], "empty-title": TITLES[tab], "empty-told": EMPTY[tab] };
    for (const [id, name] of Object.entries(words)) {
      $(id).dataset.text = name; // for another language
      $(id).textContent = text(name);
    }
    this.stage.canMask = tab === "paint";
    if (this.isQuiet) return;
    this.automatic = "";
    this.showPhoto();
    this.changed();
  }

  // Show the photograph, where no job is shown.
  showPhoto() {
    this.leave();
    const isUsed = ["paint", "reconstruct"].includes(this.tabs.now);
    this.shownPhoto = isUsed ? this.choices.photoUrl : "";
    this.stage.setBefore(this.shownPhoto);
    this.stage.showPhoto(this.shownPhoto);
  }

  changed() {
    const photo = this.choices.photoUrl;
    if (photo !== this.brushedPhoto) {
      this.brushedPhoto = photo;
      this.regions.setPhoto(photo, this.choices.moved);
      this.choices.moved = null;
      if (!this.isBusy) this.showPhoto();
      this.attempt(() => this.checkShown(photo));
    } else if (this.regions.isOpen) this.regions.show();
    this.offer();
    clearTimeout(this.timer);
    if (!this.settings.canStylize || (this.isBusy && this.current.kind !== "stylize")) return;
    this.timer = setTimeout(() => this.attempt(() => this.make("stylize", true)), AUTOMATIC_MS);
  }

  // A photograph that only the server can read, such as HEIC, is painted, but not brushed or cut.
  async checkShown(photo) {
    if (!photo || (await this.choices.shapeOf(this.choices.photo)) || photo !== this.brushedPhoto) return;
    this.choices.show();
    this.stage.setBefore("");
    if (this.current === null) this.stage.clear();
    $("told").textContent = text("cannotShow");
  }

  // Offer what can be made, and say what is lacking or what it takes.
  offer() {
    const { lack, canStylize } = this.settings;
    $("quick").disabled = !canStylize;
    $("paint").disabled = Boolean(lack);
    $("hint").textContent = lack ? text(lack) : "";
    this.estimate.ask(lack || this.tabs.now === "video" ? null : this.settings.request(this.tabs.now));
  }

  brush(isOpen) {
    this.regions.open(isOpen);
    this.stage.setBrushing(isOpen);
    $("mask").dataset.text = isOpen ? "maskDone" : "mask";
    $("mask").textContent = text($("mask").dataset.text);
    if (isOpen) $("brush").focus({ preventScroll: true });
  }

  // --- jobs ---------------------------------------------------------------------------------------

  async makeNow(kind) {
    this.brush(false);
    if (innerWidth < NARROW) $("stage").scrollIntoView();
    await this.make(kind);
  }

  // One after the other, so that each knows what the one before has made.
  make(kind, isAutomatic = false) {
    clearTimeout(this.timer);
    const before = this.making ?? Promise.resolve();
    this.making = before.catch(() => {}).then(() => this.makeNext(kind, isAutomatic));
    return this.making;
  }

  async makeNext(kind, isAutomatic) {
    const masks = this.tabs.now === "paint" ? await this.regions.masks() : [];
    const { request, files } = this.settings.request(kind, masks, this.regions.feather);
    if (this.automatic) { // another one takes its place
      const id = this.automatic;
      this.leave();
      this.automatic = "";
      this.history.drop(id);
      await service.forget(id).catch(() => {});
    }
    this.begin();
    const job = await service.send(request, files, kind === "video" ? $("clip-format").value : "");
    const { photo, clip, styles } = this.choices;
    this.inputs.set(job.id, { photo, clip, styles: styles.map((style) => ({ ...style })), files, regions: this.regions.state() });
    this.automatic = isAutomatic ? job.id : "";
    this.watch(job);
  }

  begin() {
    $("notes").replaceChildren();
    $("results").hidden = true;
    $("kept").textContent = "";
    $("told").textContent = "";
    $("status").textContent = text("starting");
  }

  // Show no job any more.
  leave() {
    this.unfollow();
    this.current = null;
    history.replaceState(null, "", location.pathname);
    this.begin();
    $("work").hidden = true;
    this.history.leave();
  }

  // Show a job and follow it.
  watch(job) {
    this.unfollow();
    this.current = { id: job.id, kind: job.kind, state: job.state, request: job.events?.finished?.request };
    history.replaceState(null, "", `#job=${job.id}`);
    $("bar").removeAttribute("value");
    $("work").hidden = !BUSY.includes(job.state);
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
    const { id, kind } = this.current;
    this.current.state = data.state;
    $("work").hidden = !BUSY.includes(data.state);
    $("stop").hidden = kind === "stylize" && data.state === "running";
    if (data.state === "queued" && data.place) $("status").textContent = text("waiting", { place: data.place });
    if (BUSY.includes(data.state)) return;
    $("results").hidden = false;
    $("resume").hidden = !data.resumable;
    for (const format of ["png", "jpeg", "tiff"]) {
      $(`save-${format}`).hidden = !data.formats.includes(format);
      $(`save-${format}`).href = service.resultOf(id, format, true);
    }
    this.offerClip(data.formats.find((format) => !["png", "jpeg", "tiff"].includes(format)));
    $("restore").hidden = !this.current.request;
    if (data.result) $("kept").textContent = text("kept", { time: duration(this.about.limits.keep_seconds) });
    if (data.state === "stopped") $("told").textContent = text(data.result ? "stopped" : "stoppedEmpty");
    this.history.update(id);
  }

  // A painted clip: shown, and saved in its format.
  offerClip(format) {
    $("save-clip").hidden = !format;
    if (!format) return;
    const { id } = this.current;
    $("save-clip").href = service.resultOf(id, format, true);
    $("save-clip").textContent = text("saveAs", { format: format.toUpperCase() });
    if (FILMS.includes(format)) this.stage.showFilm(service.resultOf(id, format));
    else this.stage.show(service.resultOf(id, format));
  }

  on_planned(data) {
    const [width, height] = data.sizes.at(-1);
    this.stage.size = [width, height];
    if (!data.seconds) return;
    const told = text("planned", { time: duration(data.seconds), width, height });
    $("status").textContent = $("told").textContent = told; // the second is read out
  }

  on_progress(data) {
    if (data.number > 1) $("told").textContent = "";
    $("bar").value = data.share;
    const parts = [text(this.current.kind === "video" ? "frame" : "step", data)];
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
    if (this.current.kind !== "video") this.stage.show(service.resultOf(this.current.id, "png"), { size, canRepeat: Boolean(data.request.tileable) });
    if (data.is_finished) $("told").textContent = text("finished", { ...data, time: duration(data.seconds) });
  }

  on_failed(data) { this.problem(data.message || text("failed")); }

  async resume() {
    this.begin();
    this.watch(await service.resume(this.current.id));
  }

  async forget() {
    await service.forget(this.current.id);
    this.automatic = "";
    this.showPhoto();
    $("told").textContent = text("deleted");
    this.history.update("");
  }

  async copyLink() {
    const link = `${location.origin}/#job=${this.current.id}`;
    $("told").textContent = (await copied(link)) ? text("copied") : link;
  }

  // --- restored -----------------------------------------------------------------------------------

  // Set everything as it was for a request; what is shown stays.
  restore(request, inputs) {
    this.quietly(() => this.tabs.choose(tabOf(request.kind)));
    this.choices.restore(request.picture ?? request, inputs);
    this.settings.restore(request);
    const photo = this.choices.photoUrl;
    this.brushedPhoto = photo;
    this.regions.setPhoto(photo);
    if (inputs) this.regions.restore(inputs.regions);
    if (!this.current) this.showPhoto();
    else if (photo !== this.shownPhoto && this.current.kind !== "video") {
      this.shownPhoto = photo;
      this.stage.setBefore(photo);
    }
    this.offer();
    const isWithout = ["needBoth", "needPhoto", "needClip", "needStyle"].includes(this.settings.lack);
    $("told").textContent = text(isWithout ? "restoredWithout" : "restored");
  }

  // Do something that changes the choices, without a new picture.
  quietly(act) {
    this.isQuiet = true;
    act();
    this.isQuiet = false;
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
    this.automatic = "";
    this.quietly(() => this.tabs.choose(tabOf(job.kind)));
    this.offer();
    this.brush(false);
    const inputs = this.inputs.get(id);
    this.shownPhoto = inputs && job.kind !== "texture" && job.kind !== "video" ? this.choices.addressOf(inputs.photo) : "";
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
    this.choices.show();
    this.history.show();
    this.offer();
  }
}
