// Pictures, and resampling that agrees with Impasto's own (bicubic with a low-pass filter).

/** Planes of red, green and blue in [0, 1], one after the other. */
export interface Floats {
  readonly width: number;
  readonly height: number;
  readonly planes: Float32Array;
}

/** Levels of 0 to 255: red, green, blue, alpha of each pixel. */
export interface Levels {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray;
}

export type Picture = Floats | Levels;

/** Height and width, as everywhere in Impasto. */
export type Size = readonly [height: number, width: number];

/** Pixels from which a picture is held in levels: in floats it would take three times the memory. */
const MOST_FLOATS = 4e6;

export function newFloats(width: number, height: number): Floats {
  return { width, height, planes: new Float32Array(3 * width * height) };
}

export function newLevels(width: number, height: number): Levels {
  return { width, height, rgba: new Uint8ClampedArray(4 * width * height).fill(255) };
}

/** A picture of that size to be written, in floats if it is not too large. */
export function newPicture(width: number, height: number): Picture {
  return width * height <= MOST_FLOATS ? newFloats(width, height) : newLevels(width, height);
}

export const sizeOf = (picture: Picture): Size => [picture.height, picture.width];

/** Copy a part of a row as three planes of floats, `to` being as wide as the part. */
export function readRow(picture: Picture, y: number, left: number, right: number, to: Float32Array, at = 0, plane = right - left): void {
  const { width, height } = picture;
  if ("planes" in picture) {
    for (let c = 0; c < 3; c++) {
      const start = (c * height + y) * width;
      to.set(picture.planes.subarray(start + left, start + right), at + c * plane);
    }
    return;
  }
  const { rgba } = picture;
  for (let x = left, i = 4 * (y * width + left), o = at; x < right; x++, i += 4, o++) {
    to[o] = rgba[i] / 255;
    to[o + plane] = rgba[i + 1] / 255;
    to[o + 2 * plane] = rgba[i + 2] / 255;
  }
}

/** The inverse of `readRow`, clipped to [0, 1]. */
export function writeRow(picture: Picture, y: number, left: number, right: number, from: Float32Array, at = 0, plane = right - left): void {
  const { width, height } = picture;
  if ("planes" in picture) {
    for (let c = 0; c < 3; c++) {
      const start = (c * height + y) * width;
      for (let x = left, i = at + c * plane; x < right; x++, i++) {
        picture.planes[start + x] = Math.min(1, Math.max(0, from[i]));
      }
    }
    return;
  }
  const { rgba } = picture; // which clips and rounds
  for (let x = left, i = 4 * (y * width + left), o = at; x < right; x++, i += 4, o++) {
    rgba[i] = 255 * from[o];
    rgba[i + 1] = 255 * from[o + plane];
    rgba[i + 2] = 255 * from[o + 2 * plane];
  }
}

/** A picture as levels, opaque. */
export function asLevels(picture: Picture): Levels {
  if ("rgba" in picture) return picture;
  return copied(picture, newLevels(picture.width, picture.height));
}

/** A picture in floats. */
export function asFloats(picture: Picture): Floats {
  if ("planes" in picture) return picture;
  return copied(picture, newFloats(picture.width, picture.height));
}

function copied<T extends Picture>(picture: Picture, result: T): T {
  const row = new Float32Array(3 * picture.width);
  for (let y = 0; y < picture.height; y++) {
    readRow(picture, y, 0, picture.width, row);
    writeRow(result, y, 0, picture.width, row);
  }
  return result;
}

/** Rounded as Python does: halves to the even number. */
export function rounded(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 ? floor + 1 : floor;
}

/** The size that makes `longSide` the longer side and keeps the proportions. */
export function fitSize([height, width]: Size, longSide: number, mostEnlarged = Infinity): Size {
  const longest = Math.max(height, width);
  const target = Math.floor(Math.min(longSide, Math.max(1, longest * mostEnlarged)));
  return [Math.max(1, rounded((height * target) / longest)), Math.max(1, rounded((width * target) / longest))];
}

interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Float32Array;
  readonly most: number;
}

function cubic(x: number): number {
  const a = -0.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** Which samples each new one is a mean of, along one axis. */
function taps(before: number, after: number): Taps {
  const scale = before / after;
  const reach = 2 * Math.max(1, scale);
  const inverse = 1 / Math.max(1, scale);
  const most = 2 * Math.ceil(reach) + 1;
  const first = new Int32Array(after);
  const count = new Int32Array(after);
  const weights = new Float32Array(after * most);
  for (let i = 0; i < after; i++) {
    const centre = scale * (i + 0.5);
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const length = Math.min(before, Math.trunc(centre + reach + 0.5)) - start;
    let total = 0;
    for (let j = 0; j < length; j++) total += weights[i * most + j] = cubic((j + start - centre + 0.5) * inverse);
    for (let j = 0; j < length; j++) weights[i * most + j] /= total;
    first[i] = start;
    count[i] = length;
  }
  return { first, count, weights, most };
}

/**
 * A picture at another size; the same one if the size is the same. Values are clipped to [0, 1], but
 * floats only if `clip` says so.
 *
 * Rows are resampled when they are needed and kept only as long, so that memory does not grow with
 * the picture.
 */
export function resample(picture: Picture, [height, width]: Size, { clip = true } = {}): Picture {
  if (picture.width === width && picture.height === height) return picture;
  const result = newPicture(width, height);
  const across = taps(picture.width, width);
  const down = taps(picture.height, height);
  const row = new Float32Array(3 * picture.width);
  const ring = Array.from({ length: down.most }, () => new Float32Array(3 * width));
  const made = new Float32Array(3 * width);
  let next = 0; // the first row that is not in the ring yet
  for (let y = 0; y < height; y++) {
    const start = down.first[y];
    const end = start + down.count[y];
    for (next = Math.max(next, start); next < end; next++) {
      readRow(picture, next, 0, picture.width, row);
      squeeze(row, picture.width, ring[next % down.most], width, across);
    }
    made.fill(0);
    for (let j = start; j < end; j++) {
      const weight = down.weights[y * down.most + j - start];
      const source = ring[j % down.most];
      for (let i = 0; i < made.length; i++) made[i] += weight * source[i];
    }
    if (clip || "rgba" in result) writeRow(result, y, 0, width, made);
    else for (let c = 0; c < 3; c++) result.planes.set(made.subarray(c * width, (c + 1) * width), (c * height + y) * width);
  }
  return result;
}

function squeeze(row: Float32Array, before: number, to: Float32Array, after: number, { first, count, weights, most }: Taps): void {
  for (let c = 0; c < 3; c++) {
    for (let x = 0; x < after; x++) {
      const start = c * before + first[x];
      const length = count[x];
      let sum = 0;
      for (let j = 0, w = x * most; j < length; j++, w++) sum += weights[w] * row[start + j];
      to[c * after + x] = sum;
    }
  }
}
