// Requests in the form that Impasto keeps in a picture's metadata, and as a command.

import type { ColourMode, Look } from "./painting";

/** A style of a request: the name of a style, or of a file. */
export interface StyleInput {
  readonly source: string;
  readonly weight: number | null;
}

export interface StylizeRequest {
  readonly content: string;
  readonly styles: readonly StyleInput[];
  readonly look: Look;
}

/** Entries of every one-pass request of Impasto, with what the page does. */
const FIXED = { colour_space: "oklab", colour_match: "monge-kantorovich", feather: 0, precision: "auto", mask: null, style_mask: null, regions: [] };

/** Long sides that the page paints. */
export const SIZES = { least: 256, most: 4096, usual: 1024 } as const;
/** Sizes of strokes that the page paints: finer ones take more memory than a browser has. */
export const STROKES = { least: 0.5, most: 4 } as const;

export function toJson({ content, styles, look }: StylizeRequest): string {
  const inputs = styles.map(({ source, weight }) => ({ source, weight, level: "" }));
  const { size, strength, style_scale, colour } = look;
  return JSON.stringify({ version: 1, kind: "stylize", content, styles: inputs, model: "", size, strength, style_scale, colour, ...FIXED });
}

/** What of a request the page can do, and whether that is all of it. */
export interface Restored {
  readonly request: StylizeRequest;
  readonly isWhole: boolean;
}

/** The settings in a request of any kind; null if it is none. The text is not trusted. */
export function fromJson(text: string): Restored | null {
  const found = parsed(text);
  if (!isObject(found) || found.version !== 1 || typeof found.kind !== "string") return null;
  const own = isObject(found.recipe) ? found.recipe : found;
  const styles = (Array.isArray(found.styles) ? found.styles : []).slice(0, 2).filter(isObject).flatMap(({ source, weight }) =>
    typeof source === "string" ? [{ source, weight: typeof weight === "number" && weight > 0 ? weight : null }] : []);
  const colour = (["style", "content", "luminance"] as const).find((mode) => mode === own.colour);
  const scale = number(own.style_scale, 1);
  const size = number(own.size, 0) || SIZES.usual;
  const look: Look = {
    size: clamp(Math.round(size), SIZES.least, SIZES.most),
    strength: clamp(number(own.strength, 1), 0, 1),
    style_scale: scale ? clamp(scale, STROKES.least, STROKES.most) : 1,
    colour: colour ?? "style",
  };
  const same = look.size === size && look.style_scale === scale && colour !== undefined && look.strength === own.strength;
  const others = Array.isArray(found.styles) && found.styles.length > 2;
  const regions = Array.isArray(found.regions) && found.regions.length > 0;
  const isWhole = found.kind === "stylize" && same && !others && !regions && !found.mask;
  return { request: { content: typeof found.content === "string" ? found.content : "", styles, look }, isWhole };
}

/** The request as a command of a shell. */
export function asCommand({ content, styles, look }: StylizeRequest): string {
  // A name that begins with a dash would be an option.
  const words = ["impasto", "stylize", content.startsWith("-") ? `./${content}` : content, "--style"];
  for (const { source, weight } of styles) words.push(weight === null ? source : `${source}:${short(weight)}`);
  words.push("--size", String(look.size));
  if (look.strength !== 1) words.push("--strength", short(look.strength));
  if (look.style_scale !== 1) words.push("--style-scale", short(look.style_scale));
  if (look.colour !== "style") words.push("--colour", look.colour satisfies ColourMode);
  words.push("-o", "painted.png");
  return words.map(quoted).join(" ");
}

const short = (value: number) => String(Number(value.toFixed(3)));

const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function number(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : otherwise;
}

const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));
