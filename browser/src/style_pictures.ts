// Style pictures: those of a single colour, and those that get a photograph's lightness first.

import { lightnessPicture, toOklab } from "./colours";
import type { Floats, Levels } from "./picture";

const MIN_DEVIATION = 1e-4;
const PLAIN = 2; // levels: the noise of a photograph of a plain wall

/** Whether a picture has one colour only, but for noise. */
export function isOneColour({ rgba }: Levels): boolean {
  const least = [255, 255, 255];
  const most = [0, 0, 0];
  for (let i = 0; i < rgba.length; i += 4) {
    for (let c = 0; c < 3; c++) {
      const value = rgba[i + c];
      if (value < least[c]) least[c] = value;
      if (value > most[c]) most[c] = value;
    }
    if (most.some((value, c) => value - least[c] > PLAIN)) return false;
  }
  return true;
}

/** The style in greys, with the mean and the deviation of the photograph's lightness. */
export function matchedLightness(style: Floats, photograph: Floats): Floats {
  const [mean, deviation] = lightnessMoments(style);
  const [target, spread] = lightnessMoments(photograph);
  const scale = Math.max(spread, MIN_DEVIATION) / Math.max(deviation, MIN_DEVIATION);
  return lightnessPicture(style, (lightness) => (lightness - mean) * scale + target);
}

function lightnessMoments({ planes, width, height }: Floats): [mean: number, deviation: number] {
  const plane = width * height;
  let [sum, square] = [0, 0];
  for (let i = 0; i < plane; i++) {
    const [lightness] = toOklab([planes[i], planes[i + plane], planes[i + 2 * plane]]);
    sum += lightness;
    square += lightness * lightness;
  }
  const mean = sum / plane;
  return [mean, Math.sqrt(Math.max(0, square / plane - mean * mean))];
}
