// Picture files decoded by the browser, with its limits.

import { Problem } from "./site";

/** Megapixels above which a picture is refused: decoded it would take more than a browser tab has. */
const MOST_MEGAPIXELS = 64;
/** Pixels above which a picture is reduced when it is decoded: paintings have fewer. */
const ENOUGH = 24e6;

/** A picture decoded, upright, in sRGB. */
export async function decoded(file: Blob): Promise<ImageBitmap> {
  const [width, height] = await sizeOfFile(file);
  const megapixels = (width * height) / 1e6;
  if (megapixels > MOST_MEGAPIXELS) {
    throw new Problem("problem.large", { megapixels: Math.round(megapixels), most: MOST_MEGAPIXELS });
  }
  const factor = Math.sqrt(ENOUGH / (width * height));
  const reduced = factor < 1 ? { resizeWidth: Math.round(width * factor), resizeHeight: Math.round(height * factor), resizeQuality: "high" as const } : {};
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image", premultiplyAlpha: "none", colorSpaceConversion: "default", ...reduced });
  } catch {
    throw new Problem("problem.notPicture");
  }
}

/** Width and height, from the file's head alone: its pixels are not decoded. */
async function sizeOfFile(file: Blob): Promise<[number, number]> {
  const image = new Image();
  const address = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = reject;
      image.src = address;
    });
    // Vector graphics may have no size of their own.
    if (!image.naturalWidth || !image.naturalHeight) throw new Problem("problem.notPicture");
    return [image.naturalWidth, image.naturalHeight];
  } catch {
    throw new Problem("problem.notPicture");
  } finally {
    URL.revokeObjectURL(address);
  }
}
