// The thread that paints on the graphics processor.

import * as ort from "onnxruntime-web/jspi";
import { serve } from "./studio";

serve(ort, "webgpu");
