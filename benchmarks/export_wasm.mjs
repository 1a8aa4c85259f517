// Seconds of an exported model in WebAssembly, as browsers run it, on one thread.
//
//     npm install --prefix /tmp/ort onnxruntime-web@VERSION
//     NODE_PATH=/tmp/ort/node_modules node benchmarks/export_wasm.mjs any-onnx 512 384
//
// Arguments: the exported folder, width and height. The picture is noise, which costs as much as any.
// Prints the processor time of each painter's file (the best of four runs) and of reading a style.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const ort = createRequire(import.meta.url)("onnxruntime-web");
const [folder, width, height] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
ort.env.wasm.numThreads = 1;

const description = JSON.parse(fs.readFileSync(path.join(folder, "model.json"), "utf-8"));
const size = description.style_size;
const image = new ort.Tensor("float32", Float32Array.from({ length: 3 * width * height }, Math.random), [
  1, 3, height, width,
]);
const one = new ort.Tensor("float32", Float32Array.of(1), [1]);

async function measure(file, inputs) {
  const session = await ort.InferenceSession.create(new Uint8Array(fs.readFileSync(path.join(folder, file))), {
    executionProviders: ["wasm"],
  });
  const seconds = [];
  let result;
  for (let turn = 0; turn < 4; turn++) {
    const before = process.cpuUsage();
    result = Object.values(await session.run(inputs))[0];
    const { user, system } = process.cpuUsage(before);
    seconds.push((user + system) / 1e6);
  }
  console.log(`${file}: ${Math.min(...seconds).toFixed(3)} s`);
  return result;
}

let styles = new ort.Tensor("float32", new Float32Array(size), [1, size]);
for (const { file } of Object.values(description.reader?.files ?? {})) {
  styles = await measure(file, { picture: image });
}
for (const { file } of Object.values(description.painter.files)) {
  await measure(file, { image, styles, weights: one });
}
