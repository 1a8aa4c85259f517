// The page: choose, see it painted, compare, keep.

import { addTexts, duration, onLanguage, otherLanguage, text, toggleLanguage, translatePage } from "../../src/impasto/web/static/i18n.js";
import "../../src/impasto/web/static/style.css";
import "./browser.css";
import { Choices } from "./choices";
import { decoded } from "./decoding";
import { $, made } from "./dom";
import { Engine } from "./engine";
import { acceptFiles } from "./files";
import { Camera } from "./camera";
import { Live } from "./live";
import { readMetadata, withMetadata } from "./metadata";
import { type Abilities, keepAll, prepare } from "./offline";
import { asCommand, fromJson, toJson, type StylizeRequest } from "./requests";
import { Problem, type Site } from "./site";
import { Stage } from "./stage";
import { TEXTS } from "./texts";

const WAIT_MS = 120; // after the last change
const VERSION = "onnxruntime-web 1.30.0";

class Page {
  private readonly stage = new Stage();
  private readonly camera = new Camera();
  private readonly choices: Choices;
  private readonly live: Live;
  private timer = 0;
  private styles = 0;
  /** What the painting that is shown was made by. */
  private shown: { request: StylizeRequest; seconds: number } | null = null;

  constructor(private readonly site: Site, private readonly engine: Engine, private readonly abilities: Abilities) {
    this.choices = new Choices(site, () => this.changed());
    this.live = new Live(engine, this.camera, this.stage, this.choices);
    engine.onLoading = (loaded, total) => this.loading(loaded, total);
    engine.onShare = (share) => this.live.isOn || this.progress(share, "paintingNow");
    this.showSamples();
    this.listen();
    onLanguage(() => this.translate());
  }

  private listen(): void {
    const clicks: Record<string, () => unknown> = {
      "save-png": () => this.save(),
      copy: () => this.copy(),
      take: () => this.openCamera(),
      shoot: () => this.shoot(),
      "close-camera": () => this.closeCamera(),
      live: () => this.toggleLive(),
      freeze: () => this.freeze(),
    };
    for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", () => void this.attempt(act));
    $("camera").addEventListener("cancel", () => this.closeCamera());
    acceptFiles({
      photograph: (file) => this.attempt(() => this.setPhotograph(file, file.name)),
      style: (file) => this.attempt(() => this.addStyle(file)),
      settings: (file) => this.attempt(() => this.restore(file, false)),
      anywhere: (file) => this.attempt(async () => {
        if (!(await this.restore(file, true))) await this.setPhotograph(file, file.name || "pasted.png");
      }),
    });
  }

  /** Do something; what goes wrong is told in a sentence. */
  private async attempt(act: () => unknown): Promise<void> {
    this.problem("");
    try {
      await act();
    } catch (error) {
      this.idle();
      this.problem(error instanceof Problem ? text(error.key, error.values) : text("problem.other", { reason: String(error) }));
    }
  }

  private problem(sentence: string): void {
    $("problem").textContent = sentence;
    $("problem").hidden = !sentence;
  }

  // --- what is chosen --------------------------------------------------------------------------------

  private async setPhotograph(file: Blob, name: string): Promise<void> {
    const bitmap = await decoded(file);
    this.live.stop();
    this.stage.setPhotograph(bitmap);
    this.choices.photograph = name;
    await this.engine.setPhotograph(file, bitmap);
    this.changed();
  }

  private async addStyle(file: File): Promise<void> {
    const bitmap = await decoded(file);
    const name = file.name || "style.png";
    const thumbnail = await thumbnailOf(bitmap);
    const key = String(++this.styles);
    await this.engine.addStyle(key, file, bitmap);
    this.choices.addOwn(key, name, thumbnail);
  }

  private changed(): void {
    clearTimeout(this.timer);
    if (!this.choices.isReady || this.live.isOn) return;
    $("stage").setAttribute("aria-busy", "true");
    this.timer = setTimeout(() => void this.attempt(() => this.paint()), WAIT_MS);
  }

  private async paint(): Promise<void> {
    const { parts, look, request } = this.choices;
    this.progress(null, "paintingNow");
    const painted = await this.engine.paint(parts, look);
    if (!painted || this.live.isOn) return;
    this.idle();
    this.stage.setPainted(painted);
    this.shown = { request, seconds: painted.seconds };
    $("results").hidden = $("command-part").hidden = false;
    $("command").textContent = asCommand(request);
    this.tell("painted", { ...painted, time: duration(painted.seconds) });
    document.body.dataset.seconds = String(painted.seconds);
    document.body.dataset.painted = String(Number(document.body.dataset.painted ?? 0) + 1);
    if (this.abilities.isKept) keepAll(() => this.showKept(text("kept")));
    await this.engine.considerGpu($<HTMLCanvasElement>("before"), parts);
    document.body.dataset.runtime = this.engine.runtime;
  }

  /** Take the settings of a picture that Impasto made; whether it is one. */
  private async restore(file: File, isAny: boolean): Promise<boolean> {
    const entries = await readMetadata(file);
    const restored = typeof entries?.request === "string" ? fromJson(entries.request) : null;
    if (!restored) {
      if (!isAny) throw new Problem("notMade");
      return false;
    }
    const hasFiles = this.choices.restore(restored.request);
    this.tell(!restored.isWhole ? "restoredPart" : hasFiles ? "restored" : "restoredFiles");
    this.changed();
    return true;
  }

  // --- results ---------------------------------------------------------------------------------------

  private async save(): Promise<void> {
    if (!this.shown) return;
    const { request, seconds } = this.shown;
    const entries = { impasto: this.site.impasto, request: toJson(request), "made with": VERSION, seconds: seconds.toFixed(3) };
    const png = await withMetadata(await this.stage.png(), entries);
    const stem = request.content.replace(/\.\w+$/, "");
    const link = made("a", { href: URL.createObjectURL(png), download: `${stem}-${request.styles.map((style) => style.source.replace(/\.\w+$/, "")).join("-")}.png` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    this.tell("saved");
  }

  private async copy(): Promise<void> {
    const isCopied = await navigator.clipboard?.writeText($("command").textContent ?? "").then(() => true, () => false);
    if (isCopied) this.tell("copiedCommand");
    else getSelection()?.selectAllChildren($("command"));
  }

  // --- camera ----------------------------------------------------------------------------------------

  private async openCamera(): Promise<void> {
    this.live.stop();
    await this.camera.start();
    $<HTMLDialogElement>("camera").showModal();
  }

  private async shoot(): Promise<void> {
    const file = await this.camera.photograph();
    this.closeCamera();
    await this.setPhotograph(file, "camera.png");
  }

  private closeCamera(): void {
    this.camera.stop();
    $<HTMLDialogElement>("camera").close();
  }

  private async toggleLive(): Promise<void> {
    if (this.live.isOn) {
      this.live.stop();
      this.changed();
      return;
    }
    this.shown = null;
    $("results").hidden = $("command-part").hidden = true;
    await this.live.run((rate, width, height) => {
      this.idle();
      this.tell("liveRate", { rate: rate.toFixed(1), width, height });
    });
  }

  private async freeze(): Promise<void> {
    await this.setPhotograph(await this.camera.photograph(), "camera.png");
  }

  // --- what is told ----------------------------------------------------------------------------------

  private loading(loaded: number, total: number): void {
    if (total && loaded < total) this.progress(loaded / total, "loading", { loaded: (loaded / 1e6).toFixed(1), total: (total / 1e6).toFixed(1) });
    else $("work").hidden = true;
  }

  private progress(share: number | null, key: string, values = {}): void {
    $("work").hidden = false;
    const bar = $<HTMLProgressElement>("bar");
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
    this.tell(key, values);
  }

  private idle(): void {
    $("work").hidden = true;
    $("stage").setAttribute("aria-busy", "false");
  }

  private tell(key: string, values = {}): void {
    $("told").textContent = text(key, values);
  }

  private showKept(sentence: string): void {
    $("kept").textContent = sentence;
  }

  private showSamples(): void {
    for (const { name, file } of this.site.samples) {
      const button = made("button", { type: "button" });
      button.dataset.sample = name;
      button.append(made("img", { src: file, alt: "" }));
      button.addEventListener("click", () => void this.attempt(async () => this.setPhotograph(await fetched(file), file.split("/").at(-1)!)));
      $("samples").append(button);
    }
  }

  private translate(): void {
    translatePage();
    $("language").textContent = text("other");
    $("language").lang = otherLanguage();
    for (const button of $("samples").children) {
      button.setAttribute("aria-label", text("sampleOf", { name: (button as HTMLElement).dataset.sample }));
    }
    if (!this.abilities.isKept) this.showKept(text("notKept"));
    this.stage.show();
  }
}

async function thumbnailOf(bitmap: ImageBitmap): Promise<string> {
  const side = Math.min(bitmap.width, bitmap.height);
  const canvas = made("canvas", { width: 120, height: 120 });
  canvas.getContext("2d")!.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, 120, 120);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
  return blob ? URL.createObjectURL(blob) : "";
}

async function fetched(path: string): Promise<Blob> {
  try {
    const response = await fetch(path);
    if (response.ok) return await response.blob();
  } catch {
    // Told below.
  }
  throw new Problem("problem.download", { file: path });
}

async function siteOf(): Promise<Site> {
  try {
    const site: Site = await (await fetch("site.json")).json();
    if (!Array.isArray(site.models) || !Array.isArray(site.styles)) throw new Error("site.json");
    return site;
  } catch {
    throw new Problem("problem.noSite");
  }
}

/** A function of one instruction on vectors: valid where there is SIMD. */
const SIMD = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11);

async function start(): Promise<void> {
  addTexts(TEXTS);
  translatePage();
  $("language").addEventListener("click", toggleLanguage);
  onLanguage(translatePage);
  try {
    if (typeof WebAssembly !== "object" || !WebAssembly.validate(SIMD)) throw new Problem("problem.noSimd");
    const abilities = await prepare();
    if (!abilities) return;
    const site = await siteOf();
    new Page(site, new Engine(site, document.baseURI, abilities.threads), abilities);
    document.body.dataset.ready = "yes";
  } catch (error) {
    const sentence = error instanceof Problem ? text(error.key, error.values) : text("problem.other", { reason: String(error) });
    $("problem").textContent = sentence;
    $("problem").hidden = false;
    document.body.dataset.failed = "yes";
  }
}

void start();
