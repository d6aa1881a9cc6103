"""Painters of garments, one a class: each lays shapes on a batch of canvases.

Measures (width, sleeve length, ...) are drawn from a range for each image.
"""

from collections.abc import Callable

import numpy as np

from autoencoder.data.canvas import Array, Canvas


def _top(
    canvas: Canvas, sleeve: Array, angle: Array, hem: Array, chest: Array, cloth: Array
) -> Array:
    """A garment with sleeves, painted; `angle` is the sleeve's from the vertical."""
    shoulder, shoulder_y, cuff = chest + 0.04, -0.72, canvas.between(0.17, 0.23)
    end_x, end_y = shoulder + sleeve * np.sin(angle), shoulder_y + sleeve * np.cos(angle)
    # A sleeve narrows from the armhole to the cuff, which lies square to it.
    body = canvas.polygon(
        (-0.5, -0.86),
        (0.2, -0.88),
        (shoulder, shoulder_y),
        (end_x, end_y),
        (end_x - cuff * np.cos(angle), end_y + cuff * np.sin(angle)),
        (chest - 0.03, shoulder_y + 0.34),
        (chest * canvas.between(0.92, 1.0), 0.3),
        (chest * canvas.between(0.95, 1.08), hem),
        (-0.5, hem),
        mirrored=True,
    )
    canvas.paint(body, cloth)
    return body


def _t_shirt(canvas: Canvas) -> None:
    cloth = canvas.cloth()
    chest, hem = canvas.between(0.44, 0.54), canvas.between(0.75, 0.92)
    _top(canvas, canvas.between(0.3, 0.48), canvas.between(0.75, 1.0), hem, chest, cloth)
    canvas.paint(canvas.ellipse(0, -0.92, 0.2, canvas.between(0.1, 0.22)), 0)
    # A print on the chest.
    width, height = canvas.between(0.12, 0.26), canvas.between(0.08, 0.24)
    canvas.paint(
        canvas.ellipse(0, -0.2, width, height), canvas.between(0, 1), canvas.sometimes(0.4)
    )


def _trouser(canvas: Canvas) -> None:
    cloth = canvas.cloth(patterned=0.15)
    waist, hip, ankle = (
        canvas.between(0.22, 0.3),
        canvas.between(0.3, 0.38),
        canvas.between(0.26, 0.44),
    )
    width, crotch = canvas.between(0.15, 0.24), canvas.between(-0.45, -0.3)
    legs = canvas.polygon(
        (-0.2, -0.92),
        (waist, -0.92),
        (hip, -0.5),
        (ankle, 0.92),
        (ankle - width, 0.92),
        (0.02, crotch),
        (-0.2, crotch),
        mirrored=True,
    )
    canvas.paint(legs, cloth)
    canvas.paint(np.maximum(legs, canvas.y + 0.82), 0.7 * cloth)


def _pullover(canvas: Canvas) -> None:
    cloth = canvas.cloth()
    chest, hem = canvas.between(0.42, 0.52), canvas.between(0.65, 0.85)
    sleeve = canvas.between(1.25, 1.5)
    body = _top(canvas, sleeve, canvas.between(0.2, 0.3), hem, chest, cloth)
    # Ribbed hem and neck.
    canvas.paint(np.maximum(body, hem - 0.12 - canvas.y), 0.75 * cloth)
    canvas.paint(np.maximum(body, canvas.ellipse(0, -0.9, 0.27, 0.2)), 0.6 * cloth)
    canvas.paint(canvas.ellipse(0, -0.93, 0.18, 0.11), 0)


def _dress(canvas: Canvas) -> None:
    cloth = canvas.cloth()
    bust, waist = canvas.between(0.26, 0.34), canvas.between(0.18, 0.26)
    waist_y, skirt = canvas.between(-0.3, -0.1), canvas.between(0.32, 0.62)
    body = canvas.polygon(
        (-0.3, -0.92),
        (0.2, -0.92),
        (bust, -0.5),
        (waist, waist_y),
        (skirt, 0.92),
        (-0.3, 0.92),
        mirrored=True,
    )
    canvas.paint(body, cloth)
    neck = canvas.between(-0.75, -0.55)
    canvas.paint(canvas.polygon((-0.3, -1.1), (0.16, -1.1), (0.0, neck), mirrored=True), 0)
    belt = np.maximum(body, np.abs(canvas.y - waist_y) - 0.05)
    canvas.paint(belt, 0.5 * cloth, canvas.sometimes(0.5))


def _coat(canvas: Canvas) -> None:
    cloth = canvas.cloth(patterned=0.2)
    chest, hem = canvas.between(0.46, 0.56), canvas.between(0.86, 0.95)
    sleeve = canvas.between(1.3, 1.5)
    _top(canvas, sleeve, canvas.between(0.12, 0.22), hem, chest, cloth)
    lapel = canvas.between(-0.4, 0.0)
    # The open front, wider at the hem, and the lapels folded back from it.
    canvas.paint(canvas.polygon((-0.3, -0.95), (0.3, -0.88), (0.02, lapel)), 0)
    opening = canvas.between(0.03, 0.12)
    front = canvas.polygon(
        (-0.2, -1), (0.14, -1), (0.03, lapel), (opening, 1), (-0.2, 1), mirrored=True
    )
    canvas.paint(front, 0)
    collar = canvas.polygon((0.12, -0.93), (0.27, -0.86), (0.3, -0.5), (0.05, lapel), mirrored=True)
    canvas.paint(collar, 0.6 * cloth)
    pocket = canvas.line((0.18, 0.4), (0.38, 0.36), width=0.06, mirrored=True)
    canvas.paint(pocket, 0.4 * cloth)


def _sandal(canvas: Canvas) -> None:
    grey, heel = canvas.between(0.45, 1), canvas.between(0.02, 0.4)
    # The sole rises from the toe at the left to the heel at the right.
    top = 0.5 - heel
    sole = canvas.polygon(
        (-0.9, 0.47),
        (-0.25, 0.47),
        (0.4, top),
        (0.9, top),
        (0.88, 0.65),
        (0.68, 0.65),
        (0.55, top + 0.15),
        (-0.1, 0.65),
        (-0.88, 0.65),
    )
    strap, width = grey * canvas.between(0.6, 1), canvas.between(0.08, 0.15)
    instep, ankle = canvas.between(-0.1, 0.15), top - canvas.between(0.4, 0.6)
    canvas.paint(canvas.line((-0.75, 0.5), (-0.5, instep), (-0.25, 0.5), width=width), strap)
    canvas.paint(canvas.line((0.25, ankle + 0.05), (0.88, ankle), width=width), strap)
    canvas.paint(canvas.line((0.8, top), (0.88, ankle), width=width), strap)
    link = canvas.line((-0.5, instep), (0.25, ankle + 0.05), width=width)
    linked = canvas.sometimes(0.6)
    canvas.paint(link, strap, linked)
    # Something holds the ankle strap: the link, a post, or both.
    post = canvas.line((0.4, top), (0.25, ankle), width=width)
    canvas.paint(post, strap, np.maximum(1 - linked, canvas.sometimes(0.5)))
    canvas.paint(sole, grey)


def _shirt(canvas: Canvas) -> None:
    cloth = canvas.cloth(patterned=0.6)
    chest, hem = canvas.between(0.4, 0.5), canvas.between(0.75, 0.92)
    long = canvas.sometimes(0.6)
    sleeve = long * canvas.between(1.1, 1.35) + (1 - long) * canvas.between(0.4, 0.6)
    angle = long * canvas.between(0.25, 0.4) + (1 - long) * canvas.between(0.5, 0.75)
    _top(canvas, sleeve, angle, hem, chest, cloth)
    canvas.paint(canvas.polygon((-0.2, -1), (0.12, -1), (0.0, -0.6), mirrored=True), 0)
    canvas.paint(
        canvas.polygon((0.08, -0.95), (0.22, -0.88), (0.2, -0.6), (0.0, -0.66), mirrored=True),
        np.minimum(1.3 * cloth + 0.1, 1),
    )
    placket = np.maximum(canvas.side - 0.05, np.abs(canvas.y - 0.05) - 0.65)
    canvas.paint(np.maximum(placket, canvas.y - hem), 0.45 * cloth)
    for button in range(5):
        canvas.paint(canvas.ellipse(0, -0.45 + 0.25 * button, 0.05, 0.05), 1)


def _sneaker(canvas: Canvas) -> None:
    cloth = canvas.cloth(patterned=0.1)
    ankle, toe = canvas.between(-0.4, -0.2), canvas.between(0.05, 0.18)
    upper = canvas.polygon(
        (-0.9, toe + 0.2),
        (-0.75, toe),
        (-0.4, toe - 0.08),
        (0.15, ankle),
        (0.5, ankle + 0.08),
        (0.85, ankle - 0.06),
        (0.9, 0.45),
        (-0.9, 0.45),
    )
    canvas.paint(upper, cloth)
    # Laces, a stripe on the side, and the sole.
    for step in (0.0, 0.33, 0.66):
        x, y = -0.35 + 0.5 * step, toe - 0.04 + (ankle - toe + 0.04) * step
        canvas.paint(canvas.line((x - 0.02, y), (x + 0.16, y + 0.12), width=0.05), 1)
    mark = canvas.line((0.1, 0.3), (0.5, ankle + 0.25), width=0.1)
    canvas.paint(mark, canvas.between(0, 1), canvas.sometimes(0.6))
    sole = canvas.polygon((-0.93, 0.36), (0.93, 0.36), (0.9, 0.5), (-0.85, 0.5))
    canvas.paint(sole, canvas.between(0.3, 1))


def _bag(canvas: Canvas) -> None:
    cloth = canvas.cloth(patterned=0.25)
    top, bottom = canvas.between(-0.35, -0.05), canvas.between(0.7, 0.85)
    width, taper = canvas.between(0.65, 0.88), canvas.between(-0.12, 0.08)
    handle = canvas.ellipse(0, top, canvas.between(0.3, 0.5), canvas.between(0.4, 0.6))
    canvas.paint(np.abs(handle) - 0.05, 0.8 * cloth.mean(axis=(1, 2), keepdims=True))
    body = canvas.polygon(
        (-0.2, top), (width + taper, top), (width, bottom), (-0.2, bottom), mirrored=True
    )
    canvas.paint(body - 0.04, cloth)
    flap = top + canvas.between(0.2, 0.45)
    canvas.paint(np.maximum(body, np.abs(canvas.y - flap) - 0.03), 0.4 * cloth)
    canvas.paint(canvas.ellipse(0, flap, 0.1, 0.1), canvas.between(0.3, 1))


def _ankle_boot(canvas: Canvas) -> None:
    cloth = canvas.cloth(patterned=0.1)
    shaft, toe = canvas.between(-0.9, -0.6), canvas.between(0.2, 0.32)
    ankle, heel = canvas.between(-0.05, 0.15), canvas.between(0.02, 0.22)
    floor = 0.75
    boot = canvas.polygon(
        (-0.9, toe + 0.2),
        (-0.75, toe),
        (-0.3, toe - 0.12),
        (ankle, -0.1),
        (ankle - 0.05, shaft),
        (0.75, shaft),
        (0.78, 0.1),
        (0.85, floor - heel),
        (-0.1, floor - heel),
        (-0.2, floor - 0.08),
        (-0.9, floor - 0.08),
    )
    canvas.paint(boot, cloth)
    sole = canvas.polygon((-0.9, floor - 0.1), (-0.15, floor - 0.1), (-0.15, floor), (-0.9, floor))
    block = canvas.polygon((0.5, floor - heel), (0.85, floor - heel), (0.83, floor), (0.55, floor))
    canvas.paint(np.minimum(sole, block), canvas.between(0.2, 0.8))
    zip_line = canvas.line((0.4, shaft + 0.1), (0.45, 0.4), width=0.06)
    canvas.paint(zip_line, 0.3 * cloth, canvas.sometimes(0.5))


PAINTERS: tuple[Callable[[Canvas], None], ...] = (
    _t_shirt,
    _trouser,
    _pullover,
    _dress,
    _coat,
    _sandal,
    _shirt,
    _sneaker,
    _bag,
    _ankle_boot,
)
