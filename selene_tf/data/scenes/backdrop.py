"""What a drawn street stands in: sky, ground, lane marks and slabs."""

import dataclasses

import numpy as np
from PIL import Image

from selene_tf.data.scenes.canvas import (
    NEAR,
    PAVEMENT,
    ROAD,
    blend,
    jitter,
    pick,
    scaled,
)

FAR = 400.0
KERB = 0.15

# Colour at the top, colour at the horizon, colour of the clouds.
SKIES = (
    ((88, 142, 214), (188, 214, 238), (245, 245, 245)),
    ((120, 168, 222), (205, 220, 232), (250, 248, 244)),
    ((150, 158, 168), (196, 200, 204), (225, 225, 225)),
    ((112, 116, 124), (150, 152, 156), (90, 94, 102)),
    ((196, 200, 204), (222, 222, 220), (176, 180, 186)),
    ((96, 100, 140), (236, 176, 128), (214, 140, 124)),
    ((70, 84, 120), (206, 176, 170), (120, 108, 130)),
    ((168, 150, 130), (222, 196, 160), (236, 220, 196)),
)
GROUNDS = (
    (96, 97, 100),
    (78, 80, 86),
    (122, 120, 118),
    (104, 98, 92),
    (140, 138, 134),
    (168, 160, 150),
    (150, 128, 114),
    (124, 130, 140),
)


@dataclasses.dataclass(frozen=True)
class Street:
    """The ground plan, all x in metres from the camera.

    Attributes:
        kerbs: x of the left and right edge of the road.
        walls: x of the left and right line of façades.
        crossing: (first, last) depth of a side street; None without one.
    """

    kerbs: tuple
    walls: tuple
    crossing: tuple | None

    def kerb(self, side):
        """Returns x of the kerb on the left (-1) or right (1)."""
        return self.kerbs[side > 0]

    def wall(self, side):
        """Returns x of the façades on the left (-1) or right (1)."""
        return self.walls[side > 0]


def paint_sky(canvas, sky):
    """Fills the image with the gradient of `sky` and some clouds."""
    top, horizon, cloud = (np.array(colour, np.float32) for colour in sky)
    height = max(2, canvas.height // 4)
    width = max(2, canvas.width // 4)
    fall = np.arange(height, dtype=np.float32)[:, None, None]
    fall = np.minimum(fall / (height * canvas.camera.row / canvas.height), 1)
    colours = top + (horizon - top) * fall
    cover = _cloud_cover(canvas.rng, height, width)[:, :, None]
    colours = colours + (cloud - colours) * cover
    small = Image.fromarray(colours.astype(np.uint8))
    canvas.image.paste(small.resize(canvas.image.size, Image.Resampling.BICUBIC))


def _cloud_cover(rng, height, width):
    """Returns the share of cloud over each pixel, float32 (height, width)."""
    cover = np.zeros((height, width), np.float32)
    # More rows than columns: clouds are wider than high.
    for rows, columns, weight in ((5, 4, 1.0), (12, 9, 0.6), (24, 20, 0.3)):
        field = Image.fromarray(rng.random((rows, columns), np.float32))
        large = field.resize((width, height), Image.Resampling.BICUBIC)
        cover += weight * np.asarray(large)
    threshold = rng.uniform(0.75, 1.6)
    return np.clip((cover - threshold) * rng.uniform(1.5, 4), 0, 1) * 0.9


def draw_ground(canvas, street):
    """Draws pavements, road, kerbs and everything flat that lies on them."""
    rng = canvas.rng
    asphalt = jitter(rng, pick(rng, GROUNDS[:5]), 10)
    paving = jitter(rng, pick(rng, GROUNDS[2:]), 10)
    _fill(canvas, (-FAR, FAR), (NEAR, FAR), paving, PAVEMENT)
    for side in (-1, 1):
        _draw_slabs(canvas, street, side, scaled(paving, rng.uniform(0.75, 0.95)))
    _fill(canvas, street.kerbs, (NEAR, FAR), asphalt, ROAD)
    for side in (-1, 1):
        _draw_kerb(canvas, street.kerb(side), blend(paving, (190, 190, 186), 0.5))
    if street.crossing is not None:
        _fill(canvas, (-FAR, FAR), street.crossing, asphalt, ROAD)
    _draw_patches(canvas, street, asphalt)
    _draw_marks(canvas, street, asphalt)


def _fill(canvas, across, depths, colour, class_id=None):
    """Fills a rectangle on the ground; `across` and `depths` are (from, to)."""
    (left, right), (near, far) = across, depths
    # A polygon has one colour, so a long one is cut for the haze to change along it.
    while near < far:
        end = min(far, max(near * 1.5, near + 3))
        corners = [(left, 0, near), (right, 0, near), (right, 0, end), (left, 0, end)]
        canvas.face(corners, colour, class_id)
        near = end


def _draw_kerb(canvas, x, colour):
    near = NEAR
    while near < 60:
        end = near * 2
        corners = [(x, 0, near), (x, KERB, near), (x, KERB, end), (x, 0, end)]
        canvas.face(corners, colour, PAVEMENT)
        near = end


def _draw_slabs(canvas, street, side, colour):
    kerb, wall = street.kerb(side), street.wall(side)
    length = canvas.rng.uniform(0.6, 1.6)
    for step in range(2, 16):
        depth = step * length * (1 + step / 12)
        canvas.line((kerb, 0, depth), (wall, 0, depth), colour)
    count = canvas.rng.integers(1, 4)
    for row in range(1, count + 1):
        x = kerb + (wall - kerb) * row / (count + 1)
        canvas.line((x, 0, NEAR), (x, 0, 40), colour)


def _draw_patches(canvas, street, asphalt):
    """Draws repaired asphalt, so that the road is not one even colour."""
    rng = canvas.rng
    for _ in range(rng.integers(1, 5)):
        left = rng.uniform(street.kerbs[0], street.kerbs[1] - 1)
        right = min(left + rng.uniform(0.8, 3), street.kerbs[1])
        near = rng.uniform(3, 25)
        depths = (near, near + rng.uniform(1, 8))
        _fill(canvas, (left, right), depths, scaled(asphalt, rng.uniform(0.8, 1.2)))


def _draw_marks(canvas, street, asphalt):
    """Draws lane marks and, sometimes, a zebra crossing."""
    rng = canvas.rng
    paint = blend(asphalt, (235, 233, 225), rng.uniform(0.5, 0.95))
    left, right = street.kerbs
    lanes = 2 if right - left < 9.5 else 3
    for lane in range(1, lanes):
        x = left + (right - left) * lane / lanes
        _draw_lane_mark(canvas, street, x, paint)
    if rng.random() < 0.6:
        for x in (left + 0.35, right - 0.35):
            _fill(canvas, (x - 0.07, x + 0.07), (NEAR, 80), paint)
    if rng.random() < 0.45:
        _draw_zebra(canvas, street, paint)


def _draw_lane_mark(canvas, street, x, paint):
    rng = canvas.rng
    across = (x - 0.08, x + 0.08)
    if rng.random() < 0.25:
        _fill(canvas, across, (NEAR, 80), paint)
        return
    gap = rng.uniform(2, 4)
    start = rng.uniform(0.5, 4)
    while start < 60:
        if street.crossing is None or not _overlap(start, street.crossing):
            _fill(canvas, across, (start, start + gap), paint)
        start += 2 * gap


def _overlap(depth, span):
    return span[0] - 3 < depth < span[1]


def _draw_zebra(canvas, street, paint):
    left, right = street.kerbs
    near = canvas.rng.uniform(5, 12)
    if street.crossing is not None:
        near = street.crossing[0] - 4
    x = left + 0.4
    while x + 0.5 < right:
        _fill(canvas, (x, x + 0.5), (near, near + 3), paint)
        x += 1.0
