// Paints, in a thread of its own. It is told what to do by messages, see `Task`. The threads differ in the
// runtime that they compute with.

import type * as Ort from "onnxruntime-web";
import { isOneColour, matchedLightness } from "./style_pictures";
import { Model, type Style } from "./model";
import { mixture, MOST_ENLARGED, painting, type Look } from "./painting";
import { asFloats, asLevels, fitSize, resample, sizeOf, type Levels, type Picture } from "./picture";
import { Loader, Problem, type Site } from "./site";

/** A style of a mixture: known by name, or a picture that was given before under a key. */
export interface Part {
  readonly name: string;
  readonly key: string;
  readonly weight: number;
}

export type Provider = "wasm" | "webgpu";

interface Opening {
  readonly kind: "open";
  readonly site: Site;
  readonly base: string;
  readonly threads: number;
}

export type Task =
  | Opening
  | { readonly kind: "photograph"; readonly bitmap: ImageBitmap }
  | { readonly kind: "style"; readonly key: string; readonly bitmap: ImageBitmap }
  /** Seconds of the network for a picture, the least of some turns. */
  | { readonly kind: "measure"; readonly bitmap: ImageBitmap; readonly parts: readonly Part[] }
  | { readonly kind: "paint"; readonly parts: readonly Part[]; readonly look: Look }
  | { readonly kind: "frame"; readonly bitmap: ImageBitmap; readonly parts: readonly Part[]; readonly look: Look };

export interface Painted {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  readonly seconds: number;
}

export type Answer =
  | { readonly kind: "loading"; readonly loaded: number; readonly total: number }
  | { readonly kind: "share"; readonly id: number; readonly share: number }
  | { readonly kind: "done"; readonly id: number; readonly result?: Painted | number }
  | { readonly kind: "problem"; readonly id: number; readonly key: string; readonly values: Record<string, string | number> };

/** What the threads have of ONNX Runtime Web; its builds for WASM and WebGPU have the same. */
export type Runtime = Pick<typeof Ort, "env" | "InferenceSession" | "Tensor">;

const TURNS = 3; // the first compiles

class Superseded extends Error {}

class Studio {
  private readonly models: Model[];
  private readonly pictures = new Map<string, Levels>();
  private readonly vectors = new Map<string, Style>();
  private photograph: Levels | null = null;
  /** The newest task that paints; older ones end at their next pause. */
  newest = 0;

  private constructor(models: Model[]) {
    this.models = models;
  }

  static async open(ort: Runtime, provider: Provider, { site, base, threads }: Opening): Promise<Studio> {
    const { module, wasm } = provider === "webgpu" ? site.webgpu! : site.runtime;
    const loader = new Loader(base, site, (loaded, total) => answer({ kind: "loading", loaded, total }));
    ort.env.wasm.numThreads = threads;
    ort.env.wasm.wasmPaths = { mjs: loader.address(module) };
    const models = site.models.map(({ folder, description }) => new Model(ort, loader, folder, description, provider));
    models[0]?.loadEarly(); // beside the runtime, not after it
    ort.env.wasm.wasmBinary = (await loader.bytes(wasm)).buffer;
    return new Studio(models);
  }

  setPhotograph(bitmap: ImageBitmap): undefined {
    this.photograph = levelsOf(bitmap);
    for (const key of this.vectors.keys()) if (key.startsWith("luminance ")) this.vectors.delete(key);
  }

  setStyle(key: string, bitmap: ImageBitmap): undefined {
    const picture = levelsOf(bitmap);
    if (isOneColour(picture)) throw new Problem("problem.oneColour");
    this.pictures.set(key, picture);
  }

  async paint(id: number, parts: readonly Part[], look: Look, photograph = this.photograph): Promise<Painted> {
    if (!photograph) throw new Problem("problem.noPhotograph");
    const began = performance.now();
    this.newest = id;
    const pause = async (share: number) => {
      answer({ kind: "share", id, share });
      await nextTask();
      if (this.newest !== id) throw new Superseded();
    };
    const model = this.modelFor(parts);
    const styles = parts.map((part) => this.styleOf(model, part, look, photograph));
    await model.open();
    const style = mixture(await inTurn(styles), parts.map((part) => part.weight));
    const levels = asLevels(await painting(model, photograph, style, look, pause));
    withAlpha(levels, photograph);
    const { width, height, rgba } = levels;
    return { width, height, rgba: rgba as Uint8ClampedArray<ArrayBuffer>, seconds: (performance.now() - began) / 1000 };
  }

  async measure(bitmap: ImageBitmap, parts: readonly Part[]): Promise<number> {
    const model = this.modelFor(parts);
    const picture = asFloats(levelsOf(bitmap));
    const style = new Float32Array(model.description.style_size);
    let least = Infinity;
    for (let turn = 0; turn < TURNS; turn++) {
      const began = performance.now();
      await model.paint(picture, style);
      least = Math.min(least, (performance.now() - began) / 1000);
    }
    return least;
  }

  private modelFor(parts: readonly Part[]): Model {
    const isPicture = parts.some((part) => part.key);
    const fits = ({ description }: Model) => (isPicture ? description.reader : parts.every((part) => description.styles.includes(part.name)));
    const model = this.models.find(fits);
    if (!model) throw new Problem(isPicture ? "problem.noReader" : "problem.noStyle", { name: parts[0]?.name ?? "" });
    return model;
  }

  private styleOf(model: Model, part: Part, look: Look, photograph: Picture): () => Promise<Style> {
    if (!part.key) return () => model.namedStyle(part.name);
    const isFrame = photograph !== this.photograph; // of a camera: the first one's lightness is near enough
    const isMatched = look.colour === "luminance";
    return async () => {
      const key = `${isMatched ? (isFrame ? "luminance frame " : "luminance ") : ""}${part.key}`;
      const known = this.vectors.get(key);
      if (known) return known;
      const given = this.pictures.get(part.key);
      if (!given) throw new Problem("problem.noStyle", { name: part.name });
      let picture = model.atStyleSize(given, MOST_ENLARGED);
      if (isMatched) {
        picture = matchedLightness(asFloats(picture), asFloats(resample(photograph, fitSize(sizeOf(photograph), 1024, 1))));
      }
      const vector = await model.readStyle(picture, MOST_ENLARGED);
      if (!vector.every(Number.isFinite)) throw new Problem("problem.oneColour");
      // Another photograph may have come meanwhile, to which this one's lightness does not belong.
      if (!isMatched || isFrame || photograph === this.photograph) this.vectors.set(key, vector);
      return vector;
    };
  }
}

/** One after the other: two pictures at once would take twice the memory. */
async function inTurn<T>(makers: readonly (() => Promise<T>)[]): Promise<T[]> {
  const made: T[] = [];
  for (const make of makers) made.push(await make());
  return made;
}

function levelsOf(bitmap: ImageBitmap): Levels {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  if (!context) throw new Problem("problem.memory");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, rgba: context.getImageData(0, 0, width, height).data };
}

/** What is transparent in the photograph is so in the painting. */
function withAlpha(painted: Levels, photograph: Levels): void {
  const { rgba: from, width, height } = photograph;
  let isOpaque = true;
  for (let i = 3; i < from.length && isOpaque; i += 4) isOpaque = from[i] === 255;
  if (isOpaque) return;
  for (let y = 0, i = 3; y < painted.height; y++) {
    const row = Math.floor(((y + 0.5) * height) / painted.height) * width;
    for (let x = 0; x < painted.width; x++, i += 4) {
      painted.rgba[i] = from[4 * (row + Math.floor(((x + 0.5) * width) / painted.width)) + 3];
    }
  }
}

const channel = new MessageChannel();
let wake = () => {};
channel.port1.onmessage = () => wake();

/** Lets messages that have come in meanwhile be taken first. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    wake = resolve;
    channel.port2.postMessage(null);
  });
}

function answer(message: Answer, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const text = String(error);
  const isMemory = error instanceof RangeError || /alloc|memory|OOM/i.test(text);
  return isMemory ? new Problem("problem.memory") : new Problem("problem.other", { reason: text.slice(0, 300) });
}

/** Do what messages say, with a runtime. */
export function serve(ort: Runtime, provider: Provider): void {
  let opening: Opening | null = null;
  let studio: Promise<Studio> | null = null;

  /** The studio; one that could not be opened is tried again. */
  function open(): Promise<Studio> {
    if (!studio) {
      studio = Studio.open(ort, provider, opening!);
      studio.catch(() => (studio = null)); // told to whoever paints
    }
    return studio;
  }

  async function act(id: number, task: Task): Promise<Painted | number | undefined> {
    if (task.kind === "open") {
      opening = task;
      void open();
      return undefined;
    }
    const here = await open();
    switch (task.kind) {
      case "photograph": return here.setPhotograph(task.bitmap);
      case "style": return here.setStyle(task.key, task.bitmap);
      case "measure": return here.measure(task.bitmap, task.parts);
      case "paint": return here.paint(id, task.parts, task.look);
      case "frame": return here.paint(id, task.parts, task.look, levelsOf(task.bitmap));
    }
  }

  self.onmessage = async ({ data: { id, task } }: MessageEvent<{ id: number; task: Task }>) => {
    try {
      const result = await act(id, task);
      answer({ kind: "done", id, result }, typeof result === "object" ? [result.rgba.buffer] : []);
    } catch (error) {
      if (error instanceof Superseded) return;
      const { key, values } = problemOf(error);
      answer({ kind: "problem", id, key, values });
    }
  };
}
