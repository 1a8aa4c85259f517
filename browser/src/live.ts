// Live: frames of the camera, painted one after the other as fast as this machine can.

import type { Camera } from "./camera";
import type { Choices } from "./choices";
import { $, press } from "./dom";
import type { Engine } from "./engine";
import type { Stage } from "./stage";

/** Long side of a live picture in pixels. */
const SIDE = 256;
const TELL_MS = 1000;

export class Live {
  isOn = false;

  constructor(
    private readonly engine: Engine,
    private readonly camera: Camera,
    private readonly stage: Stage,
    private readonly choices: Choices,
  ) {}

  /** Paint until it is stopped; `tell` gets the pictures a second, and their size. */
  async run(tell: (rate: number, width: number, height: number) => void): Promise<void> {
    await this.camera.start();
    this.set(true);
    this.stage.isLive = true;
    let [count, since] = [0, 0];
    try {
      while (this.isOn) {
        const frame = await this.camera.frame(SIDE);
        const look = { ...this.choices.look, size: SIDE };
        const painted = await this.engine.frame(frame, this.choices.parts, look);
        if (!painted || !this.isOn) continue;
        this.stage.setPainted(painted);
        const now = performance.now();
        if (!since) since = now; // the first picture takes as long as loading does
        else count++;
        if (now - since < TELL_MS) continue;
        tell((1000 * count) / (now - since), painted.width, painted.height);
        [count, since] = [0, now];
      }
    } finally {
      this.stop();
    }
  }

  stop(): void {
    if (!this.isOn) return;
    this.set(false);
    this.camera.stop();
    this.stage.isLive = false;
  }

  private set(isOn: boolean): void {
    this.isOn = isOn;
    press("live", isOn);
    $("freeze").hidden = !isOn;
  }
}
