// From a photograph and settings to a painting: the same steps as `impasto stylize`.

import { keepChroma, lightnessPicture } from "./colours";
import { carried, type Detail } from "./enlargement";
import type { Model, Style } from "./model";
import { asFloats, fitSize, newFloats, newPicture, readRow, resample, rounded, sizeOf, writeRow, type Floats, type Picture, type Size } from "./picture";
import { Problem } from "./site";

/** Most that a photograph is enlarged, as in Impasto. */
export const MOST_ENLARGED = 4;

const REFERENCE = 640;
const NEAR = 1.15;

export type ColourMode = "style" | "content" | "luminance";

export interface Look {
  /** Long side in pixels. */
  readonly size: number;
  /** 0 (the photograph) to 1. */
  readonly strength: number;
  /** Size of the strokes, relative to the picture. */
  readonly style_scale: number;
  readonly colour: ColourMode;
}

/** Awaited between parts of the work with the share that is done; ends the work by throwing. */
export type Pause = (share: number) => Promise<void>;

/** A photograph painted at the size that is asked for. */
export async function painting(model: Model, source: Picture, style: Style, look: Look, pause: Pause): Promise<Picture> {
  const original = resample(source, fitSize(sizeOf(source), look.size, MOST_ENLARGED));
  const full = sizeOf(original);
  const least = model.description.least_side;
  if (Math.min(...full) < least) throw new Problem("problem.small", { least });
  const size = paintedSize(full, look.style_scale, least);
  const prepare = (part: Floats) => (look.colour === "luminance" ? lightnessPicture(part) : part);
  const isSame = size[0] === full[0] && size[1] === full[1];
  const reduced = isSame ? original : resample(original, size);
  const content = prepare(asFloats(reduced));
  await pause(0.05);
  const vector = look.strength < 1 ? between(await model.identity(content), style, look.strength) : style;
  const small = await model.paint(content, vector);
  await pause(0.6);
  let painted: Picture = small;
  if (Math.max(...size) > Math.max(...full)) {
    painted = resample(small, full);
  } else if (!isSame) {
    const detail: Detail | null = look.strength === 1 ? null : { share: 1 - look.strength, prepare };
    painted = await carried(small, reduced, original, detail, (share) => pause(0.6 + 0.25 * share));
  }
  if (look.strength < 1) painted = withPhotograph(painted, original, prepare, (1 - look.strength) ** 3);
  if (look.colour !== "style") painted = await keepChroma(painted, original, (share) => pause(0.85 + 0.15 * share));
  return painted;
}

/** A painting with a share of the photograph: networks do not paint the photograph itself. */
function withPhotograph(painted: Picture, original: Picture, prepare: (part: Floats) => Floats, share: number): Picture {
  const { width, height } = original;
  const result = newPicture(width, height);
  const row = newFloats(width, 1);
  const mixed = new Float32Array(3 * width);
  for (let y = 0; y < height; y++) {
    readRow(original, y, 0, width, row.planes);
    const plain = prepare(row).planes;
    readRow(painted, y, 0, width, mixed);
    for (let i = 0; i < mixed.length; i++) mixed[i] += share * (plain[i] - mixed[i]);
    writeRow(result, y, 0, width, mixed);
  }
  return result;
}

/** A convex mixture of styles; weights are above 0. */
export function mixture(styles: readonly Style[], weights: readonly number[]): Style {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return styles[0].map((_, i) => styles.reduce((sum, style, n) => sum + (style[i] * weights[n]) / total, 0));
}

const between = (a: Style, b: Style, share: number): Style => a.map((value, i) => value + share * (b[i] - value));

/** The size at which to paint a picture, so that its strokes have the size that is asked for. */
export function paintedSize(size: Size, scale: number, least: number): Size {
  const side = Math.sqrt(size[0] * size[1]);
  const wanted = (side <= NEAR * REFERENCE ? 1 : REFERENCE / side) / scale;
  const factor = Math.max(Math.min(wanted, MOST_ENLARGED), least / Math.min(...size));
  return size.map((length) => Math.max(least, rounded(factor * length))) as unknown as Size;
}
