// The painting, and the photograph over it up to the divider.

import { Divider } from "../../src/impasto/web/static/divider.js";
import { text } from "../../src/impasto/web/static/i18n.js";
import { $, input, isPressed, press } from "./dom";
import type { Painted } from "./studio";

const HEIGHT_SHARE = 0.74; // of the window
const LEAST_HEIGHT = 240; // pixels
const LONGEST_BEFORE = 2048; // pixels of the photograph that is shown

const canvas = (id: string) => $<HTMLCanvasElement>(id);

export class Stage {
  private readonly divider: { value: number; show(): void };
  private hasPhotograph = false;
  private hasPainting = false;
  private isCamera = false;

  constructor() {
    this.divider = new Divider({ area: $("pictures"), input: input("divide"), upper: $("before"), handle: $("line"), isOn: () => this.isCompared });
    $("compare").addEventListener("click", () => { press("compare", !isPressed("compare")); this.show(); });
    $("actual").addEventListener("click", () => { press("actual", !isPressed("actual")); this.show(); });
    addEventListener("resize", () => this.fit());
  }

  private get isCompared(): boolean {
    return isPressed("compare") && this.hasPhotograph && this.hasPainting && !this.isCamera;
  }

  /** Show a photograph, until it is painted. */
  setPhotograph(bitmap: ImageBitmap): void {
    const scale = Math.min(1, LONGEST_BEFORE / Math.max(bitmap.width, bitmap.height));
    const before = canvas("before");
    before.width = Math.max(1, Math.round(bitmap.width * scale));
    before.height = Math.max(1, Math.round(bitmap.height * scale));
    before.getContext("2d")!.drawImage(bitmap, 0, 0, before.width, before.height);
    this.hasPhotograph = true;
    this.hasPainting = false;
    this.show();
  }

  setPainted({ width, height, rgba }: Painted): void {
    const after = canvas("after");
    if (after.width !== width) after.width = width;
    if (after.height !== height) after.height = height;
    after.getContext("2d")!.putImageData(new ImageData(rgba, width, height), 0, 0);
    after.dataset.pictures = String(Number(after.dataset.pictures ?? 0) + 1); // for measurements
    const wasPainted = this.hasPainting;
    this.hasPainting = true;
    if (!wasPainted) this.show();
    else this.fit();
  }

  /** Frames of a camera are shown without a photograph. */
  set isLive(isLive: boolean) {
    this.isCamera = isLive;
    this.hasPainting = false;
    this.show();
  }

  /** The painting as a PNG file. */
  png(): Promise<Blob> {
    return new Promise((resolve, reject) => canvas("after").toBlob((blob) => (blob ? resolve(blob) : reject(new Error("PNG"))), "image/png"));
  }

  show(): void {
    const hasPhotograph = this.hasPhotograph && !this.isCamera;
    const isShown = hasPhotograph || this.hasPainting;
    $("empty").hidden = isShown;
    $("pictures").hidden = !isShown;
    $("tools").hidden = !this.hasPainting;
    $("compare").hidden = !hasPhotograph;
    $("after").hidden = !this.hasPainting;
    $("before").hidden = !hasPhotograph || (this.hasPainting && !this.isCompared);
    $("line").hidden = $("divide").hidden = !this.isCompared;
    $("after").setAttribute("aria-label", text("paintingOf"));
    $("before").setAttribute("aria-label", text("photoOf"));
    $("pictures").classList.toggle("compared", this.isCompared);
    $("view").classList.toggle("actual", isPressed("actual"));
    if (this.isCompared) this.divider.show();
    else $("before").style.clipPath = "";
    this.fit();
  }

  /** At 1:1 a pixel of the painting is one of the screen; otherwise all of it is seen. */
  private fit(): void {
    const { width, height } = canvas(this.hasPainting ? "after" : "before");
    let scale = 1 / (devicePixelRatio || 1);
    if (!isPressed("actual")) {
      const most = Math.max(LEAST_HEIGHT, HEIGHT_SHARE * innerHeight);
      scale = Math.min($("view").clientWidth / width, most / height);
    }
    $("pictures").style.width = `${Math.max(1, width * scale)}px`;
    $("pictures").style.height = `${Math.max(1, height * scale)}px`;
    $("divide").style.width = `${Math.min(width * scale, $("view").clientWidth)}px`;
  }
}
