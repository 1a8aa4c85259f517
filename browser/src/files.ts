// Files from dialogs, dropped, or pasted. What is dropped on a part of the page goes there; what is
// dropped elsewhere, or pasted, is `anywhere`.

import { $, input } from "./dom";

export interface Takers {
  readonly photograph: (file: File) => Promise<void>;
  readonly style: (file: File) => Promise<void>;
  readonly settings: (file: File) => Promise<void>;
  readonly anywhere: (file: File) => Promise<void>;
}

export function acceptFiles(takers: Takers): void {
  const parts: ReadonlyArray<readonly [id: string, field: string, take: (file: File) => Promise<void>]> = [
    ["photo-part", "photo", takers.photograph],
    ["style-part", "own-style", takers.style],
    ["restore-drop", "made-elsewhere", takers.settings],
  ];
  for (const [, field, take] of parts) {
    input(field).addEventListener("change", () => {
      const [file] = input(field).files ?? [];
      input(field).value = ""; // so that the same file can be chosen again
      if (file) void take(file);
    });
  }
  const partOf = (event: Event) => parts.find(([id]) => $(id).contains(event.target as Node));
  const mark = (event: Event | null) => {
    const over = event && partOf(event);
    for (const [id] of parts) $(id).classList.toggle("over", over?.[0] === id);
    document.body.classList.toggle("over", event !== null && !over);
  };
  window.addEventListener("dragover", (event) => { event.preventDefault(); mark(event); });
  window.addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(null); });
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(null);
    const [file] = event.dataTransfer?.files ?? [];
    if (file) void (partOf(event)?.[2] ?? takers.anywhere)(file);
  });
  window.addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file) void takers.anywhere(file);
  });
}
