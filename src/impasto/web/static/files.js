// Files from dialogs, dropped anywhere, or pasted.

const $ = (id) => document.getElementById(id);
const NAMES = /\.(heic|heif|avif|dng|nef|cr2|arw|tiff?|jpe?g|png|webp|gif|bmp)$/i;

const CLIPS = /\.(mp4|mov|mkv|webm|avi|m4v)$/i;

export const isPictureFile = (file) => file.type.startsWith("image/") || NAMES.test(file.name);
export const isClipFile = (file) => file.type.startsWith("video/") || CLIPS.test(file.name);

// parts: id of an input → what takes its files. A file that is dropped on a part goes there; one
// that is dropped elsewhere, or pasted, is the photograph or the clip, unless Impasto made it: then
// its settings are taken.
export function acceptFiles(parts, { fits, isMade, attempt }) {
  const places = { "photo-part": "photo", "clip-part": "clip-file", "style-part": "own-style", "restore-drop": "made-elsewhere" };
  const take = (id, files) => attempt(() => {
    const fitting = files.filter((file) => fits(file, id));
    return fitting.length ? parts[id](fitting) : undefined;
  });
  const takeAny = (file) => attempt(async () => {
    if (fits(file) && !(await isMade(file))) await parts[isClipFile(file) ? "clip-file" : "photo"]([file]);
  });
  for (const id of Object.keys(parts)) {
    $(id).addEventListener("change", () => {
      const files = [...$(id).files];
      $(id).value = ""; // so that the same file can be chosen again
      take(id, files);
    });
  }
  const placeOf = (event) => Object.keys(places).find((id) => $(id).contains(event.target));
  const mark = (place) => {
    for (const id of Object.keys(places)) {
      const drop = $(id).classList.contains("drop") ? $(id) : $(id).querySelector(".drop");
      drop.classList.toggle("over", id === place);
    }
  };
  addEventListener("dragover", (event) => { event.preventDefault(); mark(placeOf(event)); });
  addEventListener("dragleave", () => mark(null));
  addEventListener("drop", (event) => {
    event.preventDefault();
    mark(null);
    const files = [...event.dataTransfer.files];
    const place = placeOf(event);
    if (place) take(places[place], files);
    else if (files.length) takeAny(files[0]);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) takeAny(files[0]);
  });
}
