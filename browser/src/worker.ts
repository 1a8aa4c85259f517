// The thread that paints on the processor.

import * as ort from "onnxruntime-web/wasm";
import { serve } from "./studio";

serve(ort, "wasm");
