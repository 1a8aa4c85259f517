// After the build: puts the runtime beside the page, compressed as far as it goes.
//
// xz makes WebAssembly 40 % smaller than gzip does; `impasto web build` unpacks it. It takes a minute,
// so what is there of the same version stays.

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const from = "node_modules/onnxruntime-web";
const to = "../src/impasto/web/browser/runtime";
const name = "ort-wasm-simd-threaded";
const { version } = JSON.parse(readFileSync(`${from}/package.json`, "utf-8"));
const notice = `ONNX Runtime Web ${version}

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction, including
without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the
following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO
EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR
THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

const isThere = existsSync(`${to}/NOTICE.txt`) && readFileSync(`${to}/NOTICE.txt`, "utf-8") === notice;
if (!isThere) {
  mkdirSync(to, { recursive: true });
  copyFileSync(`${from}/dist/${name}.mjs`, `${to}/${name}.mjs`);
  const packed = execFileSync("xz", ["-9e", "-T1", "-c", `${from}/dist/${name}.wasm`], { maxBuffer: 1 << 26 });
  writeFileSync(`${to}/${name}.wasm.xz`, packed);
  writeFileSync(`${to}/NOTICE.txt`, notice);
}
