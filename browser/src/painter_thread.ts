// A thread that paints, as the page sees it: questions and answers.

import { Problem } from "./site";
import type { Answer, Painted, Task } from "./studio";

type Result = Painted | number | undefined;

interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

export class PainterThread {
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;
  private painting = 0;
  /** Told what is loaded of what is being loaded, in bytes. */
  onLoading: (loaded: number, total: number) => void = () => {};
  /** Told the share of the painting that is done. */
  onShare: (share: number) => void = () => {};

  constructor(private readonly worker: Worker) {
    worker.onmessage = ({ data }: MessageEvent<Answer>) => this.take(data);
    worker.onerror = (event) => this.fail(new Problem("problem.other", { reason: event.message || "worker" }));
  }

  ask(task: Task, transfer: Transferable[] = []): Promise<Result> {
    const id = ++this.last;
    this.worker.postMessage({ id, task }, transfer);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  /** Paint; null if another wish came before this one was met. */
  async paint(task: Task, transfer: Transferable[] = []): Promise<Painted | null> {
    this.waiting.get(this.painting)?.resolve(undefined);
    this.waiting.delete(this.painting);
    const made = this.ask(task, transfer);
    this.painting = this.last;
    const result = await made;
    return typeof result === "object" ? result : null;
  }

  end(): void {
    this.worker.terminate();
    this.fail(new Problem("problem.other", { reason: "ended" }));
  }

  private take(answer: Answer): void {
    if (answer.kind === "loading") return this.onLoading(answer.loaded, answer.total);
    if (answer.kind === "share") {
      if (answer.id === this.painting) this.onShare(answer.share);
      return;
    }
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if (answer.kind === "done") waiting?.resolve(answer.result);
    else waiting?.reject(new Problem(answer.key, answer.values));
  }

  private fail(problem: Problem): void {
    for (const { reject } of this.waiting.values()) reject(problem);
    this.waiting.clear();
  }
}
