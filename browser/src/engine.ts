// The worker as the page sees it: promises, progress, and the newest wish only.

import type { Look } from "./painting";
import { Problem, type Site } from "./site";
import type { Answer, Painted, Part, Task } from "./worker";

interface Waiting {
  readonly resolve: (painted: Painted | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class Engine {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;
  private painting = 0;
  /** Told what is loaded of what is being loaded, in bytes. */
  onLoading: (loaded: number, total: number) => void = () => {};
  /** Told the share of the painting that is done. */
  onShare: (share: number) => void = () => {};

  constructor(site: Site, base: string, threads: number) {
    this.worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => this.take(data);
    this.worker.onerror = (event) => this.fail(new Problem("problem.other", { reason: event.message || "worker" }));
    void this.ask({ kind: "open", site, base, threads });
  }

  async setPhotograph(bitmap: ImageBitmap): Promise<void> {
    await this.ask({ kind: "photograph", bitmap }, [bitmap]);
  }

  async addStyle(key: string, bitmap: ImageBitmap): Promise<void> {
    await this.ask({ kind: "style", key, bitmap }, [bitmap]);
  }

  /** Paint the photograph; null if another wish came before this one was met. */
  async paint(parts: readonly Part[], look: Look): Promise<Painted | null> {
    this.supersede();
    const made = this.ask({ kind: "paint", parts, look });
    this.painting = this.last;
    return (await made) ?? null;
  }

  /** Paint a frame of a camera. */
  async frame(bitmap: ImageBitmap, parts: readonly Part[], look: Look): Promise<Painted | null> {
    this.supersede();
    const made = this.ask({ kind: "frame", bitmap, parts, look }, [bitmap]);
    this.painting = this.last;
    return (await made) ?? null;
  }

  private supersede(): void {
    this.waiting.get(this.painting)?.resolve(undefined);
    this.waiting.delete(this.painting);
  }

  private ask(task: Task, transfer: Transferable[] = []): Promise<Painted | undefined> {
    const id = ++this.last;
    this.worker.postMessage({ id, task }, transfer);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  private take(answer: Answer): void {
    if (answer.kind === "loading") return this.onLoading(answer.loaded, answer.total);
    if (answer.kind === "share") {
      if (answer.id === this.painting) this.onShare(answer.share);
      return;
    }
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if (answer.kind === "done") waiting?.resolve(answer.painted);
    else waiting?.reject(new Problem(answer.key, answer.values));
  }

  private fail(problem: Problem): void {
    for (const { reject } of this.waiting.values()) reject(problem);
    this.waiting.clear();
  }
}
