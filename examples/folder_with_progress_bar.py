"""A folder of pictures, with one progress bar for all of them.

Every job is a request, and running it yields events. A progress bar, a live preview or a log is a
loop over these events.

    python examples/folder_with_progress_bar.py PHOTOS/ --style painting.jpg --size 512
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.progress import Progress as Bar

import impasto
from impasto.images.samples import SAMPLES
from impasto.jobs.events import Finished, Note, Progress


def main() -> None:
    """Paint every JPEG of a folder."""
    parser = argparse.ArgumentParser(description="Paint the pictures of a folder.")
    parser.add_argument("folder", type=Path, nargs="?", default=SAMPLES)
    parser.add_argument("--style", type=Path, default=SAMPLES / "van-gogh-starry-night.jpg")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--size", type=int, default=256, help="long side in pixels")
    parser.add_argument("--steps", type=int, default=10, help="at each smaller size")
    parser.add_argument("--final-steps", type=int, default=54, help="at the full size")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/folder"))
    args = parser.parse_args()

    recipe = impasto.get_recipe(args.recipe).replace(
        size=args.size, steps=args.steps, final_steps=args.final_steps
    )
    styles = (impasto.StyleInput(str(args.style)),)
    photos = sorted(args.folder.glob("*.jpg"))
    resources = impasto.Resources()  # the encoder is opened once, for all pictures

    with Bar() as bar:
        task = bar.add_task("painting", total=len(photos))
        for number, photo in enumerate(photos):
            bar.update(task, description=photo.name)
            try:
                request = impasto.PaintRequest(str(photo), styles, recipe)
                for event in impasto.run(request, resources=resources):
                    match event:
                        case Progress(share=share):
                            bar.update(task, completed=number + share)
                        case Note(text=text):
                            bar.console.print(text)
                        case Finished(result=result):
                            result.save(args.output / f"{photo.stem}.png")
            except impasto.ImpastoError as error:  # one broken picture does not stop the others
                bar.console.print(f"{photo.name}: {error}")


if __name__ == "__main__":
    main()
