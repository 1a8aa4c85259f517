// Strokes of a brush and the masks that they make. Stands alone: other pages may use it.
//
// A stroke is {erase, radius, points}. Places are shares of the picture's width and height, the
// radius is a share of its long side: so strokes fit the picture at any size and of any shape.

const MASK_SIDE = 1024; // pixels of a mask's long side: edges are soft anyway

// Draw strokes over a canvas, in their order; what is erased becomes transparent.
export function drawStrokes(canvas, strokes, colour) {
  const brush = canvas.getContext("2d");
  const [wide, high] = [canvas.width, canvas.height];
  brush.globalCompositeOperation = "source-over";
  brush.clearRect(0, 0, wide, high);
  brush.lineCap = brush.lineJoin = "round";
  brush.strokeStyle = colour;
  for (const { erase, radius, points } of strokes) {
    brush.globalCompositeOperation = erase ? "destination-out" : "source-over";
    brush.lineWidth = 2 * radius * Math.max(wide, high);
    brush.beginPath();
    const [[x, y], ...others] = points;
    brush.moveTo(x * wide, y * high);
    brush.lineTo(x * wide + 0.1, y * high); // a single point is a dot
    for (const [left, top] of others) brush.lineTo(left * wide, top * high);
    brush.stroke();
  }
  brush.globalCompositeOperation = "source-over";
}

// The mask of strokes for a picture of that size, white on black, as a PNG; null if it is empty.
export async function maskOf(strokes, [width, height], name) {
  if (!strokes.some((stroke) => !stroke.erase) || !width || !height) return null;
  const scale = Math.min(1, MASK_SIDE / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  drawStrokes(canvas, strokes, "#ffffff");
  const brush = canvas.getContext("2d");
  if (!brush.getImageData(0, 0, canvas.width, canvas.height).data.some((value, at) => at % 4 === 3 && value)) return null;
  brush.globalCompositeOperation = "destination-over";
  brush.fillStyle = "#000000";
  brush.fillRect(0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  return new File([blob], `${name}.png`, { type: "image/png" });
}

// Strokes of one part of a picture, on another part of it. Parts are {x, y, width, height} in shares
// of the whole; size: width and height of the whole in pixels.
export function movedStrokes(strokes, from, to, [wide, high]) {
  const long = (part) => Math.max(part.width * wide, part.height * high);
  const move = ([x, y]) => [
    (from.x + x * from.width - to.x) / to.width,
    (from.y + y * from.height - to.y) / to.height,
  ];
  return strokes.map((stroke) => ({
    ...stroke,
    radius: (stroke.radius * long(from)) / long(to),
    points: stroke.points.map(move),
  }));
}
