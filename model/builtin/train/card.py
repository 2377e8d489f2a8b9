"""Writes MODEL_CARD.md: the measured numbers, and the prose of notes.md."""

import pathlib

from . import dataset
from .export import VERSION
from .settings import SIDE, Settings

NOTES = pathlib.Path(__file__).with_name("notes.md")


def write(numbers: dict, settings: Settings, file: pathlib.Path) -> None:
    """Writes the card."""
    sections = [head(numbers), figures(numbers), real(numbers), NOTES.read_text().strip(), failing(numbers), data(settings)]
    file.write_text("\n\n".join(sections) + "\n")


def head(numbers: dict) -> str:
    return f"""# The built-in model

Version {VERSION}, Apache-2.0, {numbers["bytes"] / 1e6:.2f} MB, {numbers["images_per_second"]} images/s on one core of the machine that trained it (ONNX Runtime, batch 8).

It sorts images by *kind*: {", ".join(f"**{kind}**" for kind in numbers["kinds"])}. It was trained on generated images only;
no downloaded image and no foreign weights are in it. `make builtin` makes it again.

- **Input** `image` [batch, {SIDE}, {SIDE}, 3], RGB, 0..255: the whole image, squeezed; normalised inside the graph.
- **Outputs** `probabilities` [batch, 6]; `embedding` [batch, 96], of length 1; `cam` [batch, 8, 8, 6], whose mean over the positions is the logits exactly;
  `attention` [batch, 8, 8], which sums to 1.
- **Network** a depthwise-separable CNN, a self-attention block of 4 heads over its 8 x 8 positions, a linear classifier on their mean.
- **Confidences** are calibrated: divided by a temperature of {numbers["temperature"]}, fitted on half of the images of held-out recipes; all numbers below are of the other half. Expected calibration
  error there: {numbers["ece"]["before"]:.3f} before, {numbers["ece"]["after"]:.3f} after. The odds of photo are multiplied by {numbers["photo_prior"]:g}.
- **Recommended** `--min-confidence {numbers["threshold"]:g}`: it abstains from about a tenth of the images of held-out recipes, and from far fewer real photos (see below)."""


def figures(numbers: dict) -> str:
    held_out, familiar = numbers["held_out"], numbers["familiar"]
    kinds = numbers["kinds"]
    lines = [
        "## Generated images",
        "",
        f"Held-out *recipes* ({held_out['images']} images): the way these images are drawn was not seen in training. Rows: what it is; columns: what it is called. "
        f"In the last column, for comparison, fresh images of the recipes that were trained on ({familiar['images']} images).",
        "",
        f"| | {' | '.join(kinds)} | recall | familiar recipes |",
        f"|---|{'---:|' * (len(kinds) + 2)}",
    ]
    for kind, row in zip(kinds, held_out["confusion"]):
        lines.append(f"| {kind} | {' | '.join(map(str, row))} | {percent(held_out['recall'][kind])} | {percent(familiar['recall'][kind])} |")
    lines += [
        "",
        f"Right: {percent(held_out['right'])}. Other kinds called photo: {percent(held_out['others_called_photo'])}.",
        "",
        "| `--min-confidence` | abstained | right, of the rest | other kinds called photo |",
        "|---:|---:|---:|---:|",
    ]
    for row in held_out["abstaining"]:
        lines.append(f"| {row['threshold']:g} | {percent(row['abstained'])} | {percent(row['right'])} | {percent(row['others_called_photo'])} |")
    worst = [f"{name} {percent(share)}" for name, share in list(numbers["held_out_recipes"].items())[:5]]
    return "\n".join([*lines, "", f"The hardest held-out recipes: {', '.join(worst)}."])


def real(numbers: dict) -> str:
    """The real photos: not part of the project, so the numbers are there only where the shared data was."""
    if not numbers["real"]:
        return "## Real photos\n\nNot measured: the real photos were not there when this card was written."
    lines = [
        "## Real photos",
        "",
        "All of these are photos. None was used in training, and no number of this model was chosen on them; which recipes to add was (see below, What was tried). "
        f"The last three columns are with `--min-confidence {numbers['threshold']:g}`.",
        "",
        "| folder | images | called photo | otherwise | called photo | abstained | called something else |",
        "|---|---:|---:|---|---:|---:|---:|",
    ]
    total = {"images": 0, "photo": 0, "kept": 0, "abstained": 0}
    for name, row in numbers["real"].items():
        n, others = row["images"], ", ".join(f"{kind} {count}" for kind, count in row["called"].items() if count and kind != "photo")
        lines.append(f"| {name} | {n} | {percent(row['called']['photo'] / n)} | {others} | {kept(row['kept_called_photo'], row['abstained'], n)} |")
        for key, count in (("images", n), ("photo", row["called"]["photo"]), ("kept", row["kept_called_photo"]), ("abstained", row["abstained"])):
            total[key] += count
    n = total["images"]
    lines.append(f"| all | {n} | {percent(total['photo'] / n)} | | {kept(total['kept'], total['abstained'], n)} |")
    return "\n".join(lines)


def kept(photo: int, abstained: int, n: int) -> str:
    return " | ".join(percent(count / n) for count in (photo, abstained, n - photo - abstained))


def failing(numbers: dict) -> str:
    lines = ["## Pictures of failures", "", "Generated images of held-out recipes, the most confident mistakes first.", ""]
    if not numbers["failures"]:
        return "\n".join([*lines[:2], "None among the held-out images."])
    lines += ["| | recipe | called | confidence |", "|---|---|---|---:|"]
    for f in numbers["failures"]:
        lines.append(f"| ![{f['recipe']}](card/{f['picture']}) | {f['recipe']} | {f['called']} | {f['confidence']} |")
    return "\n".join(lines)


def data(settings: Settings) -> str:
    lines = [
        "## Training data",
        "",
        f"{settings.photos} generated photos and {settings.images} images of each other kind, {settings.views} views of each; {settings.epochs} epochs, seed {settings.seed}. "
        "Every recipe is a documented function in train/kinds.",
        "",
        "| kind | trained on | held out |",
        "|---|---|---|",
    ]
    for kind in dataset.kinds.KINDS:
        lines.append(f"| {kind} | {', '.join(dataset.recipes(kind, 'train'))} | {', '.join(dataset.recipes(kind, 'held_out'))} |")
    return "\n".join(lines)


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
