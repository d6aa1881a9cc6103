"""The page itself: what is clicked and drawn, and what is shown then."""

import functools
import random
from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np

from autoencoder import AutoencoderError
from autoencoder.data.pictures import SUFFIXES
from autoencoder.trained.demo.figures import document, words
from autoencoder.trained.demo.views import DIMENSIONS, Image, Views

# Fonts of the machine, and nothing that would be fetched.
THEME = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
_NOTHING = document(words("Upload an image to begin."))
# One at a time, and of a slider that is drawn only the last place.
_EVENT: dict[str, Any] = {
    "concurrency_limit": 1,
    "concurrency_id": "models",
    "trigger_mode": "always_last",
    "show_progress": "hidden",
    "api_visibility": "private",
}
# In standard deviations.
_FAR = 4.0


def build(views: Views) -> gr.Blocks:
    """The page of these views."""
    page: gr.Blocks = gr.Blocks(title="autoencoder", analytics_enabled=False)
    with page:
        gr.HTML(document("<h1>autoencoder</h1>", words("; ".join(views.names))))
        if views.missing:
            said = f"There are no test images to pick. {views.missing}"
            gr.HTML(document(words(said)), elem_id="missing")
        with gr.Tab("Image"):
            _image(views)
        with gr.Tab("Between"):
            _between(views)
        if views.count:
            with gr.Tab("Latent"):
                _latent(views)
        with gr.Tab("New"):
            _new(views, page)
    return page


class _Picker:
    """An image that is picked among the test images or uploaded, and its class.

    Args:
        views: Whose images.
        name: Of the slider that picks it.
        start: The test image that is there at first.
    """

    def __init__(self, views: Views, name: str, start: int) -> None:
        self.first: Image | None = None
        self.label = 0
        if views.count:
            start = min(start, views.count - 1)
            self.first, self.label = views.picked(start)
        self.image = gr.State(self.first)
        number = gr.Slider(
            0, max(1, views.count - 1), start, step=1, precision=0, label=name,
            visible=views.count > 1,
        )  # fmt: skip
        with gr.Row():
            other = gr.Button("Another", size="sm", min_width=80, visible=views.count > 1)
            upload = gr.UploadButton("Upload", size="sm", min_width=80, file_types=list(SUFFIXES))
            invert = gr.Button("Invert", size="sm", min_width=80)
        self.classes = gr.Dropdown(
            [(name, number) for number, name in enumerate(views.classes)], value=self.label,
            label="Its class, which the model is told", visible=views.labelled,
        )  # fmt: skip
        other.click(lambda: random.randrange(views.count), None, number, **_EVENT)
        self._events = [
            number.change(_told(views.picked), number, [self.image, self.classes], **_EVENT),
            upload.upload(_told(views.uploaded), upload, self.image, **_EVENT),
            invert.click(_inverted, self.image, self.image, **_EVENT),
        ]

    def changed(self, function: Callable[..., Any], inputs: list[Any], outputs: Any) -> None:
        """Has a function called whenever the image is another, or its class."""
        quiet = {key: value for key, value in _EVENT.items() if key != "trigger_mode"}
        for event in self._events:
            event.success(_told(function), inputs, outputs, **quiet)
        self.classes.input(_told(function), inputs, outputs, **_EVENT)


def _image(views: Views) -> None:
    def shown(image: Image | None, label: int, std: float) -> str:
        return _NOTHING if image is None else views.reconstruction(image, label, std)

    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            picker = _Picker(views, "Test image", 0)
            noise = gr.Slider(
                0, 0.6, 0, step=0.05, label="Gaussian noise: standard deviation", elem_id="noise"
            )
        with gr.Column(scale=3, min_width=280):
            first = shown(picker.first, picker.label, 0)
            result = gr.HTML(first, elem_id="reconstruction")
    inputs: list[Any] = [picker.image, picker.classes, noise]
    picker.changed(shown, inputs, result)
    noise.change(_told(shown), inputs, result, **_EVENT)


def _between(views: Views) -> None:
    def shown(
        start: Image | None, label: int, end: Image | None, end_label: int, share: float, arc: bool
    ) -> str:
        if start is None or end is None:
            return document(words("Upload two images to begin."))
        return views.between(start, label, end, end_label, share, arc)

    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            share = gr.Slider(0, 1, 0.5, step=0.02, label="Share of the way", elem_id="share")
            arc = gr.Checkbox(False, label="Along an arc, not a straight line")
            start = _Picker(views, "Start: test image", 0)
            end = _Picker(views, "End: test image", 1)
        with gr.Column(scale=3, min_width=280, elem_classes="result"):
            first = shown(start.first, start.label, end.first, end.label, 0.5, False)
            result = gr.HTML(first, elem_id="between")
    inputs: list[Any] = [start.image, start.classes, end.image, end.classes, share, arc]
    for picker in (start, end):
        picker.changed(shown, inputs, result)
    for control in (share, arc):
        control.change(_told(shown), inputs, result, **_EVENT)


def _latent(views: Views) -> None:
    def labels_of(which: int) -> list[str]:
        known = views.sliders(which)
        return [
            f"dimension {dimension} ({share:.0%})"
            for dimension, share in zip(known.dimensions, known.shares, strict=True)
        ]

    def standing(which: int, image: Image, label: int) -> tuple[list[float], str]:
        places = views.places(which, image, label)
        # As the sliders round them; where the image lies further out, they end.
        places = [round(min(max(place, -_FAR), _FAR), 2) for place in places]
        return places, views.changed(which, image, label, places)

    def placed(image: Image, label: int, which: int) -> list[Any]:
        places, html = standing(which, image, label)
        found = [
            gr.Slider(value=place, label=said, visible=True)
            for place, said in zip(places, labels_of(which), strict=True)
        ]
        return [*found, *[gr.Slider(visible=False)] * (DIMENSIONS - len(found)), html]

    def shown(image: Image, label: int, which: int, *values: float) -> str:
        used = len(views.sliders(which).dimensions)
        return views.changed(which, image, label, values[:used])

    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            picker = _Picker(views, "Test image", 0)
            run = gr.Dropdown(
                [(name, number) for number, name in enumerate(views.names)], value=0, label="Run",
                visible=len(views.names) > 1,
            )  # fmt: skip
            assert picker.first is not None
            places, html = standing(0, picker.first, picker.label)
            said = labels_of(0)
            spare = DIMENSIONS - len(places)
            sliders = [
                gr.Slider(-_FAR, _FAR, place, step=0.01, label=label, visible=visible,
                          elem_classes="dimension")
                for place, label, visible in zip(
                    [*places, *[0.0] * spare], [*said, *[""] * spare],
                    [True] * len(said) + [False] * spare,
                    strict=True,
                )
            ]  # fmt: skip
            again = gr.Button("Back to the image", size="sm")
            said_of = (
                "The sliders are the dimensions of the latent that vary most over the training "
                "images, with their share of its variance, in standard deviations from their mean."
            )
            gr.HTML(document(words(said_of)))
        with gr.Column(scale=3, min_width=280, elem_classes="result"):
            result = gr.HTML(html, elem_id="latent")
    inputs: list[Any] = [picker.image, picker.classes, run]
    picker.changed(placed, inputs, [*sliders, result])
    run.input(_told(placed), inputs, [*sliders, result], **_EVENT)
    again.click(_told(placed), inputs, [*sliders, result], **_EVENT)
    for slider in sliders:
        # Not `change`, which an image that is picked would set off for each.
        slider.input(_told(shown), [*inputs, *sliders], result, **_EVENT)


def _new(views: Views, page: gr.Blocks) -> None:
    def shown(label: int, seed: float) -> str:
        return views.generated(None if label < 0 else label, int(seed))

    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            known = [("all", -1), *((name, number) for number, name in enumerate(views.classes))]
            label = gr.Dropdown(
                known, value=-1, label="Class", elem_id="class", visible=len(views.classes) > 1
            )
            seed = gr.Slider(0, 999, 0, step=1, precision=0, label="Seed")
            other = gr.Button("Others", size="sm")
        with gr.Column(scale=3, min_width=280):
            result = gr.HTML(document(words("Drawing…")), elem_id="new")
    inputs: list[Any] = [label, seed]
    other.click(lambda: random.randrange(1000), None, seed, **_EVENT)
    events = {**_EVENT, "show_progress": "minimal"}
    for control in (label, seed):
        control.change(_told(shown), inputs, result, **events)
    # The first may take seconds, which the page doesn't wait for.
    page.load(_told(shown), inputs, result, **events)


def _inverted(image: Image | None) -> Image | None:
    return None if image is None else np.subtract(255, image, dtype=np.uint8)


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose message for people is shown to them as it is."""

    @functools.wraps(function)
    def wrapped(*values: Any) -> Any:
        try:
            return function(*values)
        except AutoencoderError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return wrapped
