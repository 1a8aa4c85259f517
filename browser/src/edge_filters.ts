// The steps of an enlargement that follows the edges of a photograph, as in impasto.enlargement.steps,
// which says why each is as it is.

import { newFloats, type Floats } from "./picture";

export const SHARPENINGS = 2;
/** Pixels around a part that its sharpening and doubling depend on. */
export const MARGIN = 3 * SHARPENINGS + 1;

const SIMILAR = 0.004;
const SLOPE = 0.004;
const AMOUNT = 0.5;
const LIGHTNESS = [0.299, 0.587, 0.114] as const;

const clamped = (i: number, length: number) => (i < 0 ? 0 : i >= length ? length - 1 : i);

/** 1 / (d + SIMILAR)² of two colours' squared difference d. */
function similarity(a: Float32Array, i: number, plane: number, b: Float32Array, j: number, other: number): number {
  const red = a[i] - b[j];
  const green = a[i + plane] - b[j + other];
  const blue = a[i + 2 * plane] - b[j + 2 * other];
  const distance = red * red + green * green + blue * blue + SIMILAR;
  return 1 / (distance * distance);
}

/** A blurred painting with the edges of a sharp photograph; all of one size. */
export function refined(painted: Floats, guide: Floats, target: Floats): Floats {
  const { width, height } = painted;
  const result = newFloats(width, height);
  const plane = width * height;
  const [from, seen, here, to] = [painted.planes, guide.planes, target.planes, result.planes];
  const nearness = [Math.exp(-1), Math.exp(-0.5), 1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      let [red, green, blue, total] = [0, 0, 0, 0];
      for (let v = -1; v <= 1; v++) {
        const row = clamped(y + v, height) * width;
        for (let h = -1; h <= 1; h++) {
          const j = row + clamped(x + h, width);
          const weight = nearness[2 - v * v - h * h] * similarity(here, i, plane, seen, j, plane);
          red += weight * from[j];
          green += weight * from[j + plane];
          blue += weight * from[j + 2 * plane];
          total += weight;
        }
      }
      to[i] = red / total;
      to[i + plane] = green / total;
      to[i + 2 * plane] = blue / total;
    }
  }
  return result;
}

/** A painting of twice the height and width, or up to a row and a column less, as `target` has it. */
export function doubled(painted: Floats, guide: Floats, target: Floats): Floats {
  const { width, height } = painted;
  const result = newFloats(target.width, target.height);
  const plane = width * height;
  const large = target.width * target.height;
  const [from, seen, here, to] = [painted.planes, guide.planes, target.planes, result.planes];
  for (let y = 0; y < target.height; y++) {
    const v = y & 1;
    const near = y >> 1;
    const rows = [near * width, clamped(near + (v ? 1 : -1), height) * width];
    for (let x = 0; x < target.width; x++) {
      const beside = x >> 1;
      const columns = [beside, clamped(beside + (x & 1 ? 1 : -1), width)];
      const i = y * target.width + x;
      let [red, green, blue, total] = [0, 0, 0, 0];
      for (let k = 0; k < 4; k++) {
        const j = rows[k >> 1] + columns[k & 1];
        const nearness = (k >> 1 ? 1 : 3) * (k & 1 ? 1 : 3);
        const weight = nearness * similarity(here, i, large, seen, j, plane);
        red += weight * from[j];
        green += weight * from[j + plane];
        blue += weight * from[j + 2 * plane];
        total += weight;
      }
      to[i] = red / total;
      to[i + large] = green / total;
      to[i + 2 * large] = blue / total;
    }
  }
  return result;
}

/** A painting with steeper edges and no overshoot. */
export function sharpened(painted: Floats): Floats {
  const { width, height, planes } = painted;
  const plane = width * height;
  const lightness = smoothLightness(painted);
  const result = newFloats(width, height);
  for (let y = 0; y < height; y++) {
    const up = clamped(y - 1, height) * width;
    const here = y * width;
    const down = clamped(y + 1, height) * width;
    for (let x = 0; x < width; x++) {
      const left = clamped(x - 1, width);
      const right = clamped(x + 1, width);
      const twice = 2 * lightness[here + x];
      const [west, east, north, south] = [lightness[here + left], lightness[here + right], lightness[up + x], lightness[down + x]];
      const across = (east - west) / 2;
      const along = (south - north) / 2;
      const mixed = (lightness[down + right] + lightness[up + left] - lightness[up + right] - lightness[down + left]) / 4;
      const curvature = across * across * (east + west - twice) + along * along * (south + north - twice) + 2 * across * along * mixed;
      const square = across * across + along * along + SLOPE * SLOPE;
      const side = AMOUNT * Math.min(1, Math.max(-1, curvature / (square * Math.sqrt(square))));
      for (let c = 0; c < 3; c++) {
        const own = c * plane;
        const value = planes[own + here + x];
        let [least, most] = [value, value];
        for (const row of [up, here, down]) {
          for (const column of [left, x, right]) {
            const other = planes[own + row + column];
            if (other < least) least = other;
            else if (other > most) most = other;
          }
        }
        result.planes[own + here + x] = value + (side < 0 ? side * (value - most) : side * (least - value));
      }
    }
  }
  return result;
}

/** Lightness under the binomial kernel of five pixels. */
function smoothLightness({ width, height, planes }: Floats): Float32Array {
  const plane = width * height;
  const down = new Float32Array(plane);
  const light = new Float32Array(plane);
  for (let i = 0; i < plane; i++) light[i] = LIGHTNESS[0] * planes[i] + LIGHTNESS[1] * planes[i + plane] + LIGHTNESS[2] * planes[i + 2 * plane];
  for (let y = 0; y < height; y++) {
    const rows = [-2, -1, 0, 1, 2].map((v) => clamped(y + v, height) * width);
    for (let x = 0; x < width; x++) {
      down[y * width + x] = (light[rows[0] + x] + light[rows[4] + x] + 4 * (light[rows[1] + x] + light[rows[3] + x]) + 6 * light[rows[2] + x]) / 16;
    }
  }
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < width; x++) {
      const at = (h: number) => down[row + clamped(x + h, width)];
      light[row + x] = (at(-2) + at(2) + 4 * (at(-1) + at(1)) + 6 * at(0)) / 16;
    }
  }
  return light;
}
