"""A data card: what a folder of images holds, in a page for people."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

# Images that are counted at once, in int64: eight times their bytes.
_BLOCK = 2000


def data_card(
    parts: Mapping[str, tuple[Tensor, Tensor]], classes: Sequence[str], about: Mapping[str, str]
) -> str:
    """The card in Markdown: where the images are from, how many there are, and their pixels.

    Args:
        parts: Images uint8 `(N, C, H, W)` and labels `(N,)` of each part.
        classes: The names of the labels; none where they have none.
        about: Source, licence and the like.
    """
    images, _ = next(iter(parts.values()))
    channels, height, width = images.shape[1:]
    lines = ["# Images", ""]
    lines += [f"- {name}: {text}" for name, text in about.items()]
    lines += [f"- shape: {channels} x {height} x {width} (channels, height, width), uint8", ""]
    lines += [
        "| part | images | mean of a pixel | standard deviation |",
        "| --- | ---: | --- | --- |",
    ]
    for name, (images, _) in parts.items():
        mean, std = (", ".join(f"{x:.4f}" for x in values.tolist()) for values in _pixels(images))
        lines.append(f"| {name} | {len(images):,} | {mean} | {std} |")
    lines += ["", "Pixels as shares of 255; a number a channel."]
    if classes:
        lines += ["", f"| label | class | {' | '.join(parts)} |"]
        lines.append("| ---: | --- |" + " ---: |" * len(parts))
        counts = [torch.bincount(labels, minlength=len(classes)) for _, labels in parts.values()]
        for label, name in enumerate(classes):
            of_class = " | ".join(f"{int(count[label]):,}" for count in counts)
            lines.append(f"| {label} | {name} | {of_class} |")
    return "\n".join(lines) + "\n"


def _pixels(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel, as shares of 255; summed exactly."""
    total = torch.zeros(images.shape[1], dtype=torch.int64)
    squares = torch.zeros_like(total)
    for block in images.split(_BLOCK):
        values = block.to(torch.int64)
        total += values.sum((0, 2, 3))
        squares += values.square().sum((0, 2, 3))
    count = images.numel() // images.shape[1]
    mean = total.double() / count
    return mean / 255, (squares.double() / count - mean.square()).clamp(min=0).sqrt() / 255
