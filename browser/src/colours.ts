// Whose colours a painting has, as in impasto.colour: in OKLab, with chroma reduced to fit sRGB.

import { newFloats, newPicture, readRow, writeRow, type Floats, type Picture } from "./picture";

type Colour = [number, number, number];
type Matrix = readonly [Colour, Colour, Colour];

const RGB_TO_LMS: Matrix = [
  [0.4122214708, 0.5363325363, 0.0514459929],
  [0.2119034982, 0.6806995451, 0.1073969566],
  [0.0883024619, 0.2817188376, 0.6299787005],
];
const LMS_TO_OKLAB: Matrix = [
  [0.2104542553, 0.793617785, -0.0040720468],
  [1.9779984951, -2.428592205, 0.4505937099],
  [0.0259040371, 0.7827717662, -0.808675766],
];
const LMS_TO_RGB = inverse(RGB_TO_LMS);
const OKLAB_TO_LMS = inverse(LMS_TO_OKLAB);
const BISECTIONS = 12;
const TOLERANCE = 2e-6;

function inverse([[a, b, c], [d, e, f], [g, h, i]]: Matrix): Matrix {
  const [p, q, r] = [e * i - f * h, f * g - d * i, d * h - e * g];
  const scale = 1 / (a * p + b * q + c * r);
  return [
    [scale * p, scale * (c * h - b * i), scale * (b * f - c * e)],
    [scale * q, scale * (a * i - c * g), scale * (c * d - a * f)],
    [scale * r, scale * (b * g - a * h), scale * (a * e - b * d)],
  ];
}

function times(matrix: Matrix, [x, y, z]: Colour): Colour {
  return matrix.map(([a, b, c]) => a * x + b * y + c * z) as Colour;
}

const toLinear = (v: number) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const fromLinear = (v: number) => (Math.abs(v) <= 0.0031308 ? 12.92 * v : Math.sign(v) * (1.055 * Math.abs(v) ** (1 / 2.4) - 0.055));

export function toOklab(colour: Colour): Colour {
  return times(LMS_TO_OKLAB, times(RGB_TO_LMS, colour.map(toLinear) as Colour).map(Math.cbrt) as Colour);
}

function fromOklab(colour: Colour): Colour {
  return times(LMS_TO_RGB, times(OKLAB_TO_LMS, colour).map((root) => root ** 3) as Colour).map(fromLinear) as Colour;
}

/** The colour of that lightness and hue, with as much of its chroma as sRGB has. */
function fitGamut(lightness: number, a: number, b: number): Colour {
  const light = Math.min(1, Math.max(0, lightness));
  const whole = fromOklab([light, a, b]);
  if (isInGamut(whole)) return whole;
  let [low, high] = [0, 1];
  for (let n = 0; n < BISECTIONS; n++) {
    const middle = (low + high) / 2;
    if (isInGamut(fromOklab([light, middle * a, middle * b]))) low = middle;
    else high = middle;
  }
  return fromOklab([light, low * a, low * b]);
}

const isInGamut = (colour: Colour) => colour.every((v) => Math.abs(v - 0.5) <= 0.5 + TOLERANCE);

/** The grey picture with the lightness of a picture, changed by a function. */
export function lightnessPicture(picture: Floats, change = (lightness: number) => lightness): Floats {
  const result = newFloats(picture.width, picture.height);
  const plane = picture.width * picture.height;
  const { planes } = picture;
  for (let i = 0; i < plane; i++) {
    const lightness = change(toOklab([planes[i], planes[i + plane], planes[i + 2 * plane]])[0]);
    const [grey] = fitGamut(lightness, 0, 0).map((value) => Math.min(1, Math.max(0, value)));
    result.planes[i] = result.planes[i + plane] = result.planes[i + 2 * plane] = grey;
  }
  return result;
}

/** The lightness of a painting with the chroma of the photograph, of the same size. */
export async function keepChroma(painted: Picture, original: Picture, pause: (share: number) => Promise<void>): Promise<Picture> {
  const { width, height } = painted;
  const result = newPicture(width, height);
  const [light, chroma, row] = [0, 0, 0].map(() => new Float32Array(3 * width));
  for (let y = 0; y < height; y++) {
    readRow(painted, y, 0, width, light);
    readRow(original, y, 0, width, chroma);
    for (let x = 0; x < width; x++) {
      const at = (from: Float32Array): Colour => [from[x], from[x + width], from[x + 2 * width]];
      const [, a, b] = toOklab(at(chroma));
      [row[x], row[x + width], row[x + 2 * width]] = fitGamut(toOklab(at(light))[0], a, b);
    }
    writeRow(result, y, 0, width, row);
    if (y % 64 === 63) await pause((y + 1) / height);
  }
  return result;
}
