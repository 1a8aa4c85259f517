// What paints: a thread on the processor, and one on the graphics processor if that is faster here.

import { decoded } from "./decoding";
import type { Look } from "./painting";
import { PainterThread } from "./painter_thread";
import { Problem, type Site } from "./site";
import type { Painted, Part, Provider } from "./studio";

/** The graphics processor is taken if it needs at most this share of the time. */
const FASTER = 0.8;
const PROBE_SIDE = 384;
const PATIENCE_MS = 60_000;

export class Engine {
  private thread: PainterThread;
  private photograph: Blob | null = null;
  private readonly styles = new Map<string, Blob>();
  private isMeasured = false;
  runtime: Provider = "wasm";
  onLoading: (loaded: number, total: number) => void = () => {};
  onShare: (share: number) => void = () => {};

  constructor(private readonly site: Site, private readonly base: string, private readonly threads: number) {
    this.thread = this.start(new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }));
    this.thread.onLoading = (loaded, total) => this.onLoading(loaded, total);
    this.thread.onShare = (share) => this.onShare(share);
  }

  /** The file is kept, for another thread to read. */
  async setPhotograph(file: Blob, bitmap: ImageBitmap): Promise<void> {
    this.photograph = file;
    await this.thread.ask({ kind: "photograph", bitmap }, [bitmap]);
  }

  async addStyle(key: string, file: Blob, bitmap: ImageBitmap): Promise<void> {
    await this.thread.ask({ kind: "style", key, bitmap }, [bitmap]);
    this.styles.set(key, file);
  }

  /** Paint the photograph; null if another wish came before this one was met. */
  async paint(parts: readonly Part[], look: Look): Promise<Painted | null> {
    const { thread } = this;
    try {
      return await thread.paint({ kind: "paint", parts, look });
    } catch (error) {
      const isLost = error instanceof Problem && error.key === "problem.noPhotograph" && this.photograph;
      if (isLost) await this.send(thread); // it could not be taken while files were missing
      else if (thread === this.thread) {
        if (this.runtime === "wasm") throw error;
        await this.leaveGpu(); // a driver failed: the processor does not
      }
      return this.thread.paint({ kind: "paint", parts, look });
    }
  }

  /** Paint a frame of a camera. */
  frame(bitmap: ImageBitmap, parts: readonly Part[], look: Look): Promise<Painted | null> {
    return this.thread.paint({ kind: "frame", bitmap, parts, look }, [bitmap]);
  }

  /** Once: measure whether the graphics processor is faster here, and go over to it if it is. */
  async considerGpu(picture: CanvasImageSource & ImageBitmapSource, parts: readonly Part[]): Promise<void> {
    if (this.isMeasured || !this.site.webgpu || !(await hasGpu())) return;
    this.isMeasured = true;
    const gpu = this.start(new Worker(new URL("./gpu_worker.ts", import.meta.url), { type: "module" }));
    try {
      const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Problem("problem.other", { reason: "late" })), PATIENCE_MS));
      const theirs = await Promise.race([this.seconds(gpu, picture, parts), late]);
      const ours = await this.seconds(this.thread, picture, parts);
      document.body.dataset.measured = `wasm ${ours.toFixed(3)}, webgpu ${theirs.toFixed(3)}`;
      if (theirs > FASTER * ours) return gpu.end();
      await this.moveTo(gpu, "webgpu");
    } catch (error) {
      document.body.dataset.measured ??= `webgpu failed: ${error instanceof Problem ? JSON.stringify(error.values) : error}`;
      gpu.end(); // what paints already goes on
    }
  }

  private async seconds(thread: PainterThread, picture: ImageBitmapSource, parts: readonly Part[]): Promise<number> {
    const bitmap = await createImageBitmap(picture, { resizeWidth: PROBE_SIDE, resizeHeight: PROBE_SIDE });
    return Number(await thread.ask({ kind: "measure", bitmap, parts }, [bitmap]));
  }

  private async moveTo(thread: PainterThread, runtime: Provider): Promise<void> {
    for (const [key, file] of this.styles) {
      const bitmap = await decoded(file);
      await thread.ask({ kind: "style", key, bitmap }, [bitmap]);
    }
    await this.send(thread);
    const before = this.thread;
    thread.onLoading = before.onLoading;
    thread.onShare = before.onShare;
    this.thread = thread;
    this.runtime = runtime;
    before.end();
  }

  /** Give a thread the photograph; another may be chosen meanwhile. */
  private async send(thread: PainterThread): Promise<void> {
    for (let sent: Blob | null = null; this.photograph && sent !== this.photograph; ) {
      sent = this.photograph;
      const bitmap = await decoded(sent);
      await thread.ask({ kind: "photograph", bitmap }, [bitmap]);
    }
  }

  private leaveGpu(): Promise<void> {
    return this.moveTo(this.start(new Worker(new URL("./worker.ts", import.meta.url), { type: "module" })), "wasm");
  }

  private start(worker: Worker): PainterThread {
    const thread = new PainterThread(worker);
    const { site, base, threads } = this;
    thread.ask({ kind: "open", site, base, threads }).catch(() => {}); // it may be ended first
    return thread;
  }
}

/** Whether there is WebGPU, and what the runtime needs to wait for it. */
async function hasGpu(): Promise<boolean> {
  const { gpu } = navigator as unknown as { gpu?: { requestAdapter(): Promise<unknown> } };
  if (!gpu || !("Suspending" in WebAssembly)) return false;
  return Boolean(await gpu.requestAdapter().catch(() => null));
}
