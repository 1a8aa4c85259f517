// The page and its workers as files with relative addresses, so that a site works in any folder.

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export default defineConfig({
  base: "./",
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "production"] },
  worker: { format: "es", rollupOptions: { output: { entryFileNames: "assets/[name].js" } } },
  build: {
    outDir: file("../src/impasto/web/browser"),
    emptyOutDir: false, // the runtime stays,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      input: { index: file("index.html"), sw: file("src/service_worker.ts") },
      output: {
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name].js"),
        chunkFileNames: "assets/[name].js",
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
});
