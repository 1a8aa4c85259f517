// Impasto's metadata in picture files: written into PNG, read from PNG and from the EXIF of others.

const KEY = "impasto";
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10];
const HEADER_END = 33; // of the signature and IHDR
const EDGE = 1 << 18; // bytes at the start and the end of a file in which EXIF is looked for

/** The PNG file with a text of entries, as Impasto writes it. */
export async function withMetadata(png: Blob, entries: Readonly<Record<string, string>>): Promise<Blob> {
  const escaped = JSON.stringify(entries).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  // Keyword, not compressed, no language, no translated keyword, text.
  const body = new TextEncoder().encode(`iTXt${KEY}\0\0\0\0\0${escaped}`);
  const chunk = new Uint8Array(body.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, body.length - 4);
  chunk.set(body, 4);
  view.setUint32(body.length + 4, crc(body));
  return new Blob([png.slice(0, HEADER_END), chunk, png.slice(HEADER_END)], { type: "image/png" });
}

/** The entries in a picture that Impasto made; null in others. The file is not trusted. */
export async function readMetadata(file: Blob): Promise<Record<string, unknown> | null> {
  const start = new Uint8Array(await file.slice(0, 8).arrayBuffer());
  const isPng = SIGNATURE.every((byte, i) => start[i] === byte);
  const text = isPng ? await textOfPng(file) : await textOfExif(file);
  try {
    const entries: unknown = text && JSON.parse(text);
    return entries && typeof entries === "object" ? (entries as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

async function textOfPng(file: Blob): Promise<string> {
  for (let at = 8; at + 12 <= file.size; ) {
    const head = new DataView(await file.slice(at, at + 8).arrayBuffer());
    const length = head.getUint32(0);
    const name = String.fromCharCode(...new Uint8Array(head.buffer, 4));
    if (name === "iTXt" && length < EDGE) {
      const text = new TextDecoder().decode(await file.slice(at + 8, at + 8 + length).arrayBuffer());
      const [key, flags, , ...rest] = text.split("\0");
      if (key === KEY && flags === "") return rest.slice(2).join("\0");
    }
    if (name === "IDAT" || name === "IEND") return "";
    at += 12 + length;
  }
  return "";
}

/** In EXIF the text is a description that begins with the key. */
async function textOfExif(file: Blob): Promise<string> {
  for (const part of [file.slice(0, EDGE), file.slice(Math.max(EDGE, file.size - EDGE))]) {
    const bytes = new TextDecoder("latin1").decode(await part.arrayBuffer());
    const start = bytes.indexOf(`${KEY} {"`);
    if (start >= 0) return bytes.slice(start + KEY.length + 1).split("\0")[0];
  }
  return "";
}

function crc(bytes: Uint8Array): number {
  let value = ~0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value >>> 0;
}
