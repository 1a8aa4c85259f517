// A small painting carried to the size of its photograph, as in impasto.enlargement.guided: in tiles with
// margins, so that memory hardly grows with the picture, and the result does not depend on the tiles.

import { doubled, MARGIN, refined, sharpened, SHARPENINGS } from "./edge_filters";
import { asFloats, newFloats, newPicture, readRow, resample, sizeOf, writeRow, type Floats, type Picture, type Size } from "./picture";

const SIDE = 512;

/** Rows and columns of a map. */
interface Part {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** What of the photograph shows through a weak style: its share, and what the network was given of it. */
export interface Detail {
  readonly share: number;
  readonly prepare: (part: Floats) => Floats;
}

/**
 * A small painting at the size of its photograph.
 *
 * `reduced` is the photograph at the painting's size; `pause` is awaited between tiles, with the share
 * of the work that is done, and ends the work by throwing.
 */
export async function carried(painted: Floats, reduced: Picture, original: Picture, detail: Detail | null, pause: (share: number) => Promise<void>): Promise<Picture> {
  const size = sizeOf(original);
  const levels = levelCount(size, sizeOf(painted));
  const sizes = Array.from({ length: levels + 1 }, (_, n) => size.map((side) => Math.ceil(side / 2 ** (levels - n))) as unknown as Size);
  const small = asFloats(resample(painted, sizes[0], { clip: false }));
  const seen = asFloats(resample(reduced, sizes[0], { clip: false }));
  const guides = pyramid(original, levels);
  const result = newPicture(original.width, original.height);
  const side = Math.max(1 << levels, SIDE);
  const tiles = Math.ceil(size[0] / side) * Math.ceil(size[1] / side);
  let done = 0;
  for (let top = 0; top < size[0]; top += side) {
    for (let left = 0; left < size[1]; left += side) {
      const tile = { top, bottom: Math.min(size[0], top + side), left, right: Math.min(size[1], left + side) };
      let part = carriedTile(small, seen, guides, partsOf(tile, sizes), detail);
      if (detail) part = added(part, detail.prepare(cut(original, tile)), detail.share);
      paste(part, result, tile);
      await pause(++done / tiles);
    }
  }
  return result;
}

/** How often a painting is doubled: its enlargement before that is 0.8 to 1.6. */
function levelCount(size: Size, small: Size): number {
  const enlargement = Math.sqrt((size[0] * size[1]) / (small[0] * small[1]));
  return Math.max(0, Math.floor(Math.log2(enlargement) + 0.3));
}

function carriedTile(small: Floats, seen: Floats, guides: Picture[], parts: Part[], detail: Detail | null): Floats {
  const outer = grown(parts[0], 1, sizeOf(small));
  const before = cut(seen, outer);
  let painted = cut(small, outer);
  if (detail) painted = added(painted, detail.prepare(before), -detail.share);
  painted = cut(refined(painted, before, cut(guides[0], outer)), within(parts[0], outer));
  for (let level = 1; level < parts.length; level++) {
    for (let n = 0; n < SHARPENINGS; n++) painted = sharpened(painted);
    const { top, bottom, left, right } = parts[level - 1];
    const guide = guides[level];
    const twice = { top: 2 * top, bottom: Math.min(guide.height, 2 * bottom), left: 2 * left, right: Math.min(guide.width, 2 * right) };
    const large = doubled(painted, cut(guides[level - 1], parts[level - 1]), cut(guide, twice));
    painted = cut(large, within(parts[level], twice));
  }
  return painted;
}

/** The photograph at every level, the smallest first. */
function pyramid(original: Picture, levels: number): Picture[] {
  const guides = [original];
  for (let n = 0; n < levels; n++) guides.unshift(halved(guides[0]));
  return guides;
}

/** Means of two by two pixels, the last row and column repeated if their number is odd. */
function halved(picture: Picture): Floats {
  const [width, height] = [Math.ceil(picture.width / 2), Math.ceil(picture.height / 2)];
  const result = newFloats(width, height);
  const rows = [0, 1].map(() => new Float32Array(3 * picture.width));
  for (let y = 0; y < height; y++) {
    rows.forEach((row, v) => readRow(picture, Math.min(2 * y + v, picture.height - 1), 0, picture.width, row));
    for (let c = 0; c < 3; c++) {
      const start = c * picture.width;
      for (let x = 0, i = (c * height + y) * width; x < width; x++, i++) {
        const first = start + 2 * x;
        const second = start + Math.min(2 * x + 1, picture.width - 1);
        result.planes[i] = (rows[0][first] + rows[1][first] + rows[0][second] + rows[1][second]) / 4;
      }
    }
  }
  return result;
}

/** What is needed of every level for a part of the largest, margins included. */
function partsOf(part: Part, sizes: readonly Size[]): Part[] {
  const parts = [part];
  for (const size of sizes.slice(0, -1).reverse()) {
    const { top, bottom, left, right } = parts[0];
    const half = { top: top >> 1, bottom: (bottom + 1) >> 1, left: left >> 1, right: (right + 1) >> 1 };
    parts.unshift(grown(half, MARGIN, size));
  }
  return parts;
}

function grown({ top, bottom, left, right }: Part, margin: number, [height, width]: Size): Part {
  return { top: Math.max(0, top - margin), bottom: Math.min(height, bottom + margin), left: Math.max(0, left - margin), right: Math.min(width, right + margin) };
}

/** A part in the coordinates of another that contains it. */
function within({ top, bottom, left, right }: Part, outer: Part): Part {
  return { top: top - outer.top, bottom: bottom - outer.top, left: left - outer.left, right: right - outer.left };
}

function cut(picture: Picture, { top, bottom, left, right }: Part): Floats {
  const result = newFloats(right - left, bottom - top);
  const plane = result.width * result.height;
  for (let y = top; y < bottom; y++) readRow(picture, y, left, right, result.planes, (y - top) * result.width, plane);
  return result;
}

function paste(part: Floats, to: Picture, { top, bottom, left, right }: Part): void {
  const plane = part.width * part.height;
  for (let y = top; y < bottom; y++) writeRow(to, y, left, right, part.planes, (y - top) * part.width, plane);
}

function added(a: Floats, b: Floats, factor: number): Floats {
  return { ...a, planes: a.planes.map((value, i) => value + factor * b.planes[i]) };
}
