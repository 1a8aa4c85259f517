// The camera: a photograph of it, or its frames one after the other.

import { $ } from "./dom";
import { Problem } from "./site";

const video = () => $<HTMLVideoElement>("video");

export class Camera {
  private stream: MediaStream | null = null;

  async start(): Promise<void> {
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 }, height: { ideal: 1080 } }, audio: false });
      video().srcObject = this.stream;
      await video().play();
    } catch {
      this.stop();
      throw new Problem("problem.noCamera");
    }
  }

  stop(): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    video().srcObject = null;
  }

  /** The picture of this moment as a file. */
  async photograph(): Promise<Blob> {
    const { videoWidth, videoHeight } = video();
    const canvas = new OffscreenCanvas(videoWidth, videoHeight);
    canvas.getContext("2d")!.drawImage(video(), 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }

  /** The picture of this moment, reduced to a long side. */
  async frame(longSide: number): Promise<ImageBitmap> {
    const { videoWidth, videoHeight } = video();
    const scale = Math.min(1, longSide / Math.max(videoWidth, videoHeight));
    const size = { resizeWidth: Math.round(videoWidth * scale), resizeHeight: Math.round(videoHeight * scale) };
    return createImageBitmap(video(), { ...size, resizeQuality: "medium" });
  }
}
