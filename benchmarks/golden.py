"""The golden set: small pictures that show whether a change of the code changes any pixel.

    python benchmarks/golden.py --write golden.json --pictures golden/    # before the change
    python benchmarks/golden.py --check golden.json --pictures golden/    # after it
    python benchmarks/golden.py --check golden.json --only stylize rerun  # some, by their prefixes
    python benchmarks/golden.py --list                                    # the requests

Each request is a command line of Impasto, run in its own process, on one thread, in float32 and
with fixed seeds. The SHA-256 of the decoded pixels (mode, size and values) of every picture is
kept: compression and metadata of the files may change.

Another processor or another PyTorch rounds differently, so hashes hold for the machine and the
versions that wrote them; ``--check`` warns about others. With the former pictures (``--pictures``)
it also prints by how much pixels differ, in levels of 255.

To add a request, add a line to ``REQUESTS``. Inputs are the bundled samples and masks drawn here.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageOps

# --- The requests -----------------------------------------------------------------------------

TOWN, TOWER, CUT_OUT = "inputs/town.jpg", "inputs/tower.jpg", "inputs/cut-out.png"
NIGHT, WAVE = "inputs/night.jpg", "inputs/wave.jpg"
SKY = f"--region sky=inputs/sky.png@{WAVE}"
FACE = "--region face=inputs/face.png"  # is kept
LABELS = "--mask inputs/labels.png --style-mask inputs/style-labels.png"

OUT = "-o {name}.png --quiet"
FIXED = f"--precision float32 --seed 5 {OUT}"


def paint(options: str = "", *, styles: str = NIGHT, content: str = TOWN) -> str:
    """A small painting in few steps, at two sizes; options are last, so they override these."""
    few = "--size 96 --steps 6 --final-steps 12"
    return f"paint {content} {styles} {few} {FIXED} {options}"


def one_size(options: str) -> str:
    """The same at one size."""
    return paint(f"--scales 1 --steps 12 {options}")


def stylize(style: str, options: str = "", *, content: str = TOWN) -> str:
    """A small picture in one pass."""
    return f"stylize {content} --style {style} --size 160 --precision float32 {OUT} {options}"


def compare(options: str) -> str:
    """A small study."""
    few = "--size 64 --steps 5 --cell-height 64 --workers 1 --cells {name}-more"
    return f"compare {TOWN} {NIGHT} {few} {FIXED} {options}"


REQUESTS: Mapping[str, str] = {
    # Recipes; the first two in as many steps as they have.
    "recipe-default": f"paint {TOWN} {NIGHT} --size 128 {FIXED}",
    "recipe-quick": f"paint {TOWN} {NIGHT} --size 128 --recipe quick {FIXED}",
    "recipe-photo": paint("--recipe photo", content=TOWER),
    "recipe-gatys2015": one_size("--recipe gatys2015 --encoder compact"),
    "recipe-gatys2016": one_size("--recipe gatys2016 --encoder compact"),
    # Statistics (the default's is gram), and the units and kinds of terms.
    "loss-moments": paint("--style-loss moments"),
    "loss-gaussian-ot": paint("--style-loss gaussian-ot"),
    "loss-mmd-linear": paint("--style-loss mmd-linear"),
    "loss-mmd-poly": paint("--style-loss mmd-poly"),
    "loss-mmd-rbf": paint("--style-loss mmd-rbf"),
    "loss-sliced": paint("--style-loss sliced"),
    "loss-units-gatys": one_size(  # shortened, and so the option of 0.1.0, spelt with an s, too
        "--normalization gatys --content-normalization gatys --style-weight 1e6 --tv l1 "
        "--style-layers relu1_1=1,relu3_1=0.5 --content-layers relu3_2=1,relu4_2=0.5"
    ),
    "loss-units-mean": one_size(
        "--normalization mean --content-normalization mean --style-weight 100 --tv isotropic"
    ),
    # Colours.
    "colour-content": paint("--colour content"),
    "colour-luminance": paint("--colour luminance --colour-space cielab"),
    "colour-match": paint("--colour match --colour-match histogram"),
    # Areas.
    "area-regions": paint(f"{SKY} {FACE} --feather 0.02"),
    "area-labels": paint(f"{LABELS} --mask-mode inside"),
    "area-style-mask": paint(
        "--region sky=inputs/sky.png:inputs/style-sky.png --mask-mode propagated --feather 0.05 "
        "--colour match"
    ),
    "area-regions-mixed": paint(f"{SKY} {FACE}", styles=f"{NIGHT}:0.7 {WAVE}:0.3"),
    # Several styles.
    "styles-mixed": paint(styles=f"{NIGHT}:0.7 {WAVE}:0.3"),
    "styles-levels": paint(styles=f"coarse={NIGHT} fine={WAVE}"),
    # In tiles: to keep to what the command is allowed, and in the smallest ones.
    "tiles-memory": one_size("--size 520 --steps 1 --memory 700MB"),
    "tiles-regions": (
        f"import impasto; impasto.paint('{TOWN}', '{NIGHT}', size=200, scales=2, steps=2, "
        "final_steps=2, precision='float32', memory=1.0, "
        f"regions=['sky=inputs/sky.png@{WAVE}'], feather=0.02).save('{{name}}.png')"
    ),
    # From where, and how.
    "way-adam": paint("--optimizer adam"),
    "way-noise": paint("--init noise"),
    "way-noisy-content": one_size("--init noisy-content --noise 0.3 --preconditioning 1"),
    "way-any": paint(f"--init any {SKY} --colour luminance"),
    "way-picture": paint(f"--init {WAVE} --style-scale 0.6"),
    "way-strength": paint("--strength 0.5"),
    "way-snapshots": paint("--snapshots 3 --snapshots-to {name}-more", content=CUT_OUT),
    # Textures and reconstructions.
    "texture": f"texture {NIGHT} --size 96x72 --steps 8 --final-steps 6 {FIXED}",
    "texture-tileable": (
        f"texture {NIGHT}:0.6 {WAVE}:0.4 --size 96x80 --tileable --steps 8 --final-steps 6 {FIXED}"
    ),
    "reconstruct-layer": (
        f"reconstruct {TOWN} --layer relu3_1 --size 96 --steps 8 --final-steps 12 {FIXED}"
    ),
    "reconstruct-style": (
        f"reconstruct {WAVE} --style-layers relu1_1,relu2_1 --size 96 --steps 8 --final-steps 6 "
        f"{FIXED}"
    ),
    "reconstruct-figure": f"reconstruct {TOWN} --figure --size 64 --scales 1 --steps 5 {FIXED}",
    # In one pass.
    "stylize-any": stylize(NIGHT),
    "stylize-multi": stylize("great-wave"),
    "stylize-mixture": stylize(f"{NIGHT}:0.6 {WAVE}:0.4", "--strength 0.7"),
    "stylize-mixture-multi": stylize("great-wave:0.5 scream:0.5", content=TOWER),
    "stylize-region": stylize(NIGHT, f"{SKY} {FACE} --feather 0.02"),
    "stylize-region-multi": stylize("starry-night", "--region sky=inputs/sky.png@great-wave"),
    "stylize-labels": stylize(NIGHT, LABELS),
    "stylize-content": stylize(NIGHT, "--colour content", content=CUT_OUT),
    "stylize-luminance": stylize("great-wave", "--colour luminance --colour-space yiq"),
    "stylize-match": stylize(NIGHT, "--colour match --colour-match pca"),
    # In tiles that are walked anew for every map, and in tiles that wait for each other.
    "stylize-tiles": (
        f"import impasto; impasto.stylize('{TOWN}', '{NIGHT}', size=300, precision='float32', "
        "memory=1.0).save('{name}.png')"
    ),
    "stylize-tiles-waiting": (
        f"import impasto; impasto.stylize('inputs/strip.png', '{NIGHT}', precision='float32', "
        f"memory=395e6, regions=['end=inputs/strip-mask.png@{WAVE}']).save('{{name}}.png')"
    ),
    # From the metadata of pictures made above.
    "rerun-paint": f"rerun area-regions-mixed.png {OUT}",
    "rerun-texture": f"rerun texture-tileable.png --size 72 {OUT}",
    "rerun-reconstruct": f"rerun reconstruct-style.png {OUT}",
    "rerun-stylize": f"rerun stylize-region.png --size 120 {OUT}",
    # Studies.
    "compare-sweep": compare(
        "--colour match --sweep colour-match=cholesky,monge-kantorovich,pca --sweep tv-weight=1,9"
    ),
    "compare-study": compare("--study start"),
}
"""Name → words after ``impasto``; or Python, where it begins with ``import``.

A request runs in the folder of the results, where ``inputs/`` lies. It makes ``{name}.png``, and
what else it makes goes into ``{name}-more/``. It may read the result of another that stands above.
"""


def command_of(name: str) -> list[str]:
    """What Python is given."""
    text = REQUESTS[name].replace("{name}", name)
    return ["-c", text] if text.startswith("import ") else ["-m", "impasto", *shlex.split(text)]


def chosen(prefixes: Collection[str]) -> list[str]:
    """Names that begin with one of the prefixes, and those that they need; all if none is given."""
    wanted = {name for name in REQUESTS if name.startswith(tuple(prefixes or [""]))}
    read = {word.removesuffix(".png") for name in wanted for word in command_of(name)}
    return [name for name in REQUESTS if name in wanted | read]


# --- The inputs -------------------------------------------------------------------------------

SAMPLES = {
    TOWN: "tuebingen.jpg",
    TOWER: "lighthouse.jpg",
    NIGHT: "van-gogh-starry-night.jpg",
    WAVE: "hokusai-great-wave.jpg",
}


def make_inputs(folder: Path, samples: Path) -> None:
    """Copy the samples to ``folder/inputs`` and draw the masks beside them."""
    inputs = folder / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    for path, name in SAMPLES.items():
        shutil.copyfile(samples / name, folder / path)
    with Image.open(folder / TOWN) as file:
        town = file.convert("RGB").resize((384, 288), Image.Resampling.LANCZOS)
    with Image.open(folder / NIGHT) as file:
        night = file.size

    sky = Image.new("L", town.size)
    ImageDraw.Draw(sky).polygon([(0, 0), (384, 0), (384, 90), (200, 130), (0, 70)], fill=255)
    sky.save(inputs / "sky.png")
    face = Image.new("L", town.size)
    ImageDraw.Draw(face).ellipse((230, 150, 340, 260), fill=255)
    face.save(inputs / "face.png")
    style_sky = Image.new("L", night)
    ImageDraw.Draw(style_sky).rectangle((0, 0, night[0], night[1] * 2 // 3), fill=255)
    style_sky.save(inputs / "style-sky.png")

    labels = Image.new("RGB", town.size, "red")
    labels.paste("blue", mask=sky)
    labels.paste("lime", mask=face)
    labels.save(inputs / "labels.png")
    style_labels = Image.new("RGB", night, "red")
    style_labels.paste("blue", mask=style_sky)
    ImageDraw.Draw(style_labels).rectangle((0, 0, night[0] // 3, night[1]), fill="lime")
    style_labels.save(inputs / "style-labels.png")

    cut_out = town.copy()
    cut_out.putalpha(ImageOps.invert(Image.radial_gradient("L").resize(town.size)))
    cut_out.save(inputs / "cut-out.png")

    strip = Image.new("RGB", (3024, 96))
    for left in range(0, strip.width, town.width):
        strip.paste(town.crop((0, 96, town.width, 192)), (left, 0))
    strip.save(inputs / "strip.png")
    end = Image.new("L", strip.size)
    ImageDraw.Draw(end).rectangle((1900, 0, 3024, 96), fill=255)
    end.save(inputs / "strip-mask.png")


# --- Running them -----------------------------------------------------------------------------


def package_folder(source: Path | None) -> Path:
    """Where the package ``impasto`` is that is to be run.

    Args:
        source: A checkout, its ``src``, or None: what this Python imports, or else this checkout.
    """
    if source is None:
        found = importlib.util.find_spec("impasto")
        if found is not None and found.origin is not None:
            return Path(found.origin).parent
        source = Path(__file__).resolve().parents[1]
    for folder in (source / "src" / "impasto", source / "impasto"):
        if folder.is_dir():
            return folder.resolve()
    sys.exit(f"There is no package impasto in {source}.")


def run(name: str, folder: Path, package: Path) -> dict[str, Any]:
    """Run a request in the folder: its seconds, and name → hash of its pictures, or the error."""
    more = folder / f"{name}-more"
    shutil.rmtree(more, ignore_errors=True)
    (folder / f"{name}.png").unlink(missing_ok=True)
    environment = dict(os.environ, PYTHONPATH=str(package.parent), PYTHONHASHSEED="0")
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    started = time.perf_counter()
    child = subprocess.run(
        [sys.executable, *command_of(name)],
        cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    entry: dict[str, Any] = {"seconds": round(time.perf_counter() - started, 2)}
    made = [folder / f"{name}.png", *sorted(more.glob("*.png"))]
    if child.returncode or not made[0].exists():
        said = child.stderr.strip().splitlines()[-3:] or [f"it made no {name}.png"]
        return entry | {"error": " | ".join([f"exit code {child.returncode}", *said])}
    return entry | {"pictures": {p.relative_to(folder).as_posix(): pixel_hash(p) for p in made}}


def pixel_hash(path: Path) -> str:
    """SHA-256 of the pixels that a file holds."""
    with Image.open(path) as picture:
        digest = hashlib.sha256(f"{picture.mode} {picture.width}x{picture.height} ".encode())
        digest.update(picture.tobytes())
    return digest.hexdigest()


def environment_of_hashes() -> dict[str, str]:
    """What the hashes depend on, besides the code."""
    processor = platform.processor()
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = models[0] if models else processor
    told = {"machine": platform.machine(), "processor": processor}
    return told | {name: importlib.metadata.version(name) for name in ("torch", "numpy", "pillow")}


# --- Comparing --------------------------------------------------------------------------------


def differences(
    entry: Mapping[str, Any], former: Mapping[str, Any], folder: Path, pictures: Path | None
) -> list[str]:
    """What a request made otherwise than before, a line each.

    Args:
        entry: Of :func:`run`.
        former: What was written of it.
        folder: Holds what was made now.
        pictures: Holds what was made then, if it was kept.
    """
    if "error" in entry:
        return [entry["error"]]
    now, then = entry["pictures"], former["pictures"]
    told = [f"{name} is not made any more" for name in then if name not in now]
    told += [f"{name} is new" for name in now if name not in then]
    for name in now:
        if name in then and now[name] != then[name]:
            by = "" if pictures is None else f": {distance(pictures / name, folder / name)}"
            told.append(f"{name} differs{by}")
    return told


def distance(former: Path, path: Path) -> str:
    """In words, how far two pictures are apart."""
    if not former.is_file():
        return f"there is no former picture {former}"
    with Image.open(former) as before, Image.open(path) as after:
        if (before.mode, before.size) != (after.mode, after.size):
            return f"{before.mode} of {before.size} is now {after.mode} of {after.size}"
        change = ImageChops.difference(before, after)
    most = max(high for _, high in Image.Image.getextrema(change))  # type: ignore[misc]
    planes = [plane.point(lambda level: 255 * (level > 0)) for plane in change.split()]
    changed = planes[0]
    for plane in planes[1:]:
        changed = ImageChops.lighter(changed, plane)
    share = changed.histogram()[255] / (change.width * change.height)
    return f"by up to {most} levels, in {share:.2%} of the pixels"


def main() -> int:
    """Run the requests; 1 if one failed, or made another picture than before."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", metavar="FILE", type=Path, help="keep the hashes (JSON)")
    action.add_argument("--check", metavar="FILE", type=Path, help="compare with hashes kept")
    action.add_argument("--list", action="store_true", help="print the requests")
    parser.add_argument("--source", metavar="DIR", type=Path,
                        help="checkout to run [what is installed, or this one]")  # fmt: skip
    parser.add_argument("--pictures", metavar="DIR", type=Path,
                        help="with --write: where to keep the pictures; with --check: where the "
                        "former ones are")  # fmt: skip
    parser.add_argument("--made", metavar="DIR", type=Path,
                        help="with --check: where to keep the pictures made now")  # fmt: skip
    parser.add_argument("--only", metavar="PREFIX", nargs="+", default=[],
                        help="requests whose names begin so, and those that they need")  # fmt: skip
    options = parser.parse_args()
    if options.check and options.made and options.made == options.pictures:
        parser.error("--made would overwrite the former pictures: name another folder")
    names = chosen(options.only)
    if options.list:
        for name in names:
            print(f"{name}: {shlex.join(command_of(name))}")
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        kept = options.pictures if options.write else options.made
        folder = (kept or Path(temporary)).resolve()
        package = package_folder(options.source)
        make_inputs(folder, package / "data" / "samples")
        return work(names, folder, package, options)


def work(names: list[str], folder: Path, package: Path, options: argparse.Namespace) -> int:
    """Run the requests, and write or compare what they made."""
    written: dict[str, Any] = {"environment": environment_of_hashes(), "requests": {}}
    former = json.loads(options.check.read_text(encoding="utf-8")) if options.check else written
    if former["environment"] != written["environment"]:
        print(f"Hashes of {former['environment']} may not hold for {written['environment']}.")
    bad, seconds = 0, 0.0
    for name in names:
        entry = run(name, folder, package)
        seconds += entry["seconds"]
        if options.write:
            told = [entry["error"]] if "error" in entry else []
            written["requests"][name] = {"command": REQUESTS[name]} | entry
        elif name not in former["requests"]:
            told = ["its hashes were not written"]
        else:
            told = differences(entry, former["requests"][name], folder, options.pictures)
        bad += bool(told)
        print(f"{'DIFFERS' if told else 'ok':<8}{entry['seconds']:6.1f} s  {name}", flush=True)
        for line in told:
            print(f"{'':<10}{line}", flush=True)
    print(f"{len(names) - bad} of {len(names)} requests as they should be, in {seconds:.0f} s")
    if options.write:
        if options.only and options.write.is_file():  # what was not run stays as it was
            kept = json.loads(options.write.read_text(encoding="utf-8"))["requests"]
            written["requests"] = kept | written["requests"]
        text = json.dumps(written, indent=1, ensure_ascii=False)
        options.write.write_text(text + "\n", encoding="utf-8")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
