// A model in the folder that `impasto export` writes: its painter, its reader of styles, its named styles.

import type * as Ort from "onnxruntime-web";
import { asFloats, fitSize, newFloats, resample, sizeOf, type Floats, type Picture } from "./picture";
import { Loader, Problem, rowsOfNpy, type Description } from "./site";

export type Style = Float32Array;

/** The files of a part that are preferred, the first that there is. */
const PRECISIONS = ["float16", "float32", "int8"] as const;

export type Ortlike = Pick<typeof Ort, "InferenceSession" | "Tensor">;

export class Model {
  private painter: Promise<Ort.InferenceSession> | null = null;
  private reader: Promise<Ort.InferenceSession> | null = null;
  private named: Promise<Float32Array[]> | null = null;
  private early: Promise<Uint8Array<ArrayBuffer>> | null = null;

  constructor(
    private readonly ort: Ortlike,
    private readonly loader: Loader,
    private readonly folder: string,
    readonly description: Description,
    private readonly provider: string = "wasm",
  ) {}

  /** Begin to load the painter's file, before there is a runtime for it. */
  loadEarly(): void {
    this.early = this.file("painter");
    this.early.catch(() => (this.early = null));
  }

  /** Load what painting needs; what is loaded already is kept. */
  async open(): Promise<void> {
    await Promise.all([this.paintSession(), this.description.style_vectors && this.rows()]);
  }

  /** The vector of a style that the model knows by name. */
  async namedStyle(name: string): Promise<Style> {
    const index = this.description.styles.indexOf(name);
    if (index < 0) throw new Problem("problem.noStyle", { name });
    return (await this.rows())[index];
  }

  /** A style picture at the size at which it is read. */
  atStyleSize(picture: Picture, mostEnlarged: number): Picture {
    return resample(picture, fitSize(sizeOf(picture), this.description.reader!.long_side, mostEnlarged));
  }

  /** The vector of a style picture; with `mostEnlarged` it may be enlarged before. */
  async readStyle(picture: Picture, mostEnlarged: number): Promise<Style> {
    const reader = this.description.reader;
    if (!reader) throw new Problem("problem.noReader");
    let shown = this.atStyleSize(picture, mostEnlarged);
    const least = Math.min(shown.height, shown.width);
    if (least < reader.least_side) {
      const side = (length: number) => Math.max(reader.least_side, Math.round((length * reader.least_side) / least));
      shown = resample(shown, [side(shown.height), side(shown.width)]);
    }
    this.reader ??= kept(this.session("reader"), () => (this.reader = null));
    const { style } = await (await this.reader).run({ picture: this.tensor(asFloats(shown)) });
    return (style.data as Float32Array).slice();
  }

  /** The vector that leaves a picture as it is. */
  async identity(picture: Floats): Promise<Style> {
    if (this.description.reader) return this.readStyle(picture, 1);
    if (!this.description.identity) throw new Problem("problem.noStrength");
    const vector = (await this.namedStyle(this.description.identity)).slice();
    const size = this.description.palette_size;
    if (size) vector.set(palette(picture).slice(0, size), vector.length - size);
    return vector;
  }

  /** A picture painted in a style, of the same size. */
  async paint(picture: Floats, style: Style): Promise<Floats> {
    const session = await this.paintSession();
    const { painted } = await session.run({
      image: this.tensor(picture),
      styles: new this.ort.Tensor("float32", style, [1, style.length]),
      weights: new this.ort.Tensor("float32", Float32Array.of(1), [1]),
    });
    const result = newFloats(picture.width, picture.height);
    result.planes.set(painted.data as Float32Array);
    painted.dispose();
    return result;
  }

  private tensor({ planes, width, height }: Floats): Ort.Tensor {
    return new this.ort.Tensor("float32", planes, [1, 3, height, width]);
  }

  private paintSession(): Promise<Ort.InferenceSession> {
    return (this.painter ??= kept(this.session("painter"), () => (this.painter = null)));
  }

  private rows(): Promise<Float32Array[]> {
    const load = async () => rowsOfNpy(await this.loader.bytes(`${this.folder}/${this.description.style_vectors}`));
    return (this.named ??= kept(load(), () => (this.named = null)));
  }

  private file(part: "painter" | "reader"): Promise<Uint8Array<ArrayBuffer>> {
    const files = this.description[part]!.files;
    const precision = PRECISIONS.find((name) => name in files)!;
    return this.loader.bytes(`${this.folder}/${files[precision].file}`);
  }

  private async session(part: "painter" | "reader"): Promise<Ort.InferenceSession> {
    const bytes = await ((part === "painter" && this.early) || this.file(part));
    if (part === "painter") this.early = null;
    return this.ort.InferenceSession.create(bytes, {
      executionProviders: [this.provider],
      graphOptimizationLevel: "all",
      logSeverityLevel: 3, // errors only
      enableMemPattern: false, // sizes differ from run to run
      extra: { session: { intra_op: { allow_spinning: "0" } } }, // a CPU is shared
    });
  }
}

/** A promise that is forgotten if it fails, so that the next call tries again. */
function kept<T>(promise: Promise<T>, forget: () => void): Promise<T> {
  promise.catch(forget);
  return promise;
}

/** Means and second moments of a picture's colours, of every fourth row and column. */
function palette({ planes, width, height }: Floats): number[] {
  const sums = new Float64Array(9);
  let count = 0;
  for (let y = 0; y < height; y += 4) {
    for (let x = 0; x < width; x += 4, count++) {
      const colour = [0, 1, 2].map((c) => planes[(c * height + y) * width + x]);
      colour.forEach((value, c) => (sums[c] += value));
      let at = 3;
      for (let a = 0; a < 3; a++) for (let b = a; b < 3; b++) sums[at++] += colour[a] * colour[b];
    }
  }
  return [...sums].map((sum) => sum / count);
}
