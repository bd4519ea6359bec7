"""Street scenes drawn from a seed: the built-in data set, without a download.

A scene is a street in perspective with sky, buildings, trees, road, pavements,
cars, people and signs, under changing light. Colours and textures are shared
between the classes on purpose, so a network needs shape and context.

Drawing takes 8.5 ms for 96 x 160 pixels (one core of a 2-core cloud machine,
2026-11-21). The bytes depend on the arguments alone: the sums use only operations
that are rounded alike everywhere. Another version of Pillow may fill a polygon
differently.
"""

import math
import numbers

import numpy as np
from PIL import Image, ImageFilter

from selene_tf.data.scenes import backdrop, buildings, objects
from selene_tf.data.scenes.canvas import (
    CAR,
    CLASS_NAMES,
    SKY,
    SUPERSAMPLING,
    Camera,
    Canvas,
    Light,
    jitter,
    pick,
)
from selene_tf.data.scenes.cars import make_car

__all__ = ["CLASS_NAMES", "COLOURS", "DEFAULT_SIZE", "draw"]

# Height and width at which every class is large enough to be learnt.
DEFAULT_SIZE = (96, 160)
# One colour per class, for drawing label maps.
COLOURS = (
    (70, 130, 180),
    (70, 70, 70),
    (107, 142, 35),
    (128, 64, 128),
    (244, 35, 232),
    (0, 0, 142),
    (220, 20, 60),
    (220, 220, 0),
)
MINIMUM_SIZE = 32


def draw(index, seed, height, width):
    """Draws one street scene; the same arguments give the same bytes.

    Args:
        index: Number of the scene, at least 0.
        seed: Seed of the whole data set, at least 0.
        height: Height in pixels, at least 32.
        width: Width in pixels, at least 32.

    Returns:
        The image, uint8 (height, width, 3) RGB, and its label map, uint8
        (height, width) with indices into `CLASS_NAMES`.

    Raises:
        ValueError: If an argument is too small or not whole.

    Example:
        >>> image, label = draw(index=0, seed=0, height=32, width=48)
        >>> image.shape, label.shape
        ((32, 48, 3), (32, 48))
    """
    _check(index, seed, height, width)
    rng = np.random.default_rng([seed, index])
    canvas, sky = _make_canvas(rng, height, width)
    _compose(canvas, sky)
    return _finish(canvas)


def _check(index, seed, height, width):
    named = {"index": index, "seed": seed, "height": height, "width": width}
    for name, value in named.items():
        least = MINIMUM_SIZE if name in ("height", "width") else 0
        if not isinstance(value, numbers.Integral) or value < least:
            raise ValueError(
                f"{name} must be a whole number of at least {least}, got {value!r}."
            )


def _make_canvas(rng, height, width):
    """Returns an empty canvas and the sky that its light belongs to."""
    size = (width * SUPERSAMPLING, height * SUPERSAMPLING)
    camera = Camera(
        # The geometric mean keeps narrow and flat images usable.
        focal=math.sqrt(size[0] * size[1]) * rng.uniform(0.75, 1.0),
        column=size[0] * rng.uniform(0.36, 0.64),
        row=size[1] * rng.uniform(0.36, 0.52),
        height=rng.uniform(1.5, 2.4),
    )
    sky = tuple(jitter(rng, colour, 12) for colour in pick(rng, backdrop.SKIES))
    light = Light(
        sun_side=pick(rng, (-1, 1)),
        strength=pick(rng, (0.0, 0.5, 0.8, 1.0)),
        slant=rng.uniform(-0.3, 0.6),
        reach=rng.uniform(0.3, 1.0),
        haze=sky[1],
        haze_distance=rng.uniform(60, 400),
    )
    return Canvas(rng, size, camera, light), sky


def _compose(canvas, sky):
    """Draws everything, from the sky to the nearest thing in the street."""
    street = _plan_street(canvas.rng)
    houses = _plan_houses(canvas.rng, street)
    things = _plan_things(canvas, street)
    backdrop.paint_sky(canvas, sky)
    backdrop.draw_ground(canvas, street)
    for caster in houses + things:
        caster.cast_shadow(canvas)
    canvas.darken_shadows()
    buildings.draw_skyline(canvas)
    # The street is convex and the camera is in it, so no house can hide a
    # thing that stands in the street.
    for thing in houses + things:
        thing.draw(canvas)


def _plan_street(rng):
    road = rng.uniform(8.5, 11)
    left = -road * rng.uniform(0.22, 0.75)
    kerbs = (left, left + road)
    walls = (left - rng.uniform(3.2, 7), left + road + rng.uniform(3.2, 7))
    crossing = None
    if rng.random() < 0.35:
        first = rng.uniform(14, 30)
        crossing = (first, first + rng.uniform(6, 9))
    return backdrop.Street(kerbs, walls, crossing)


def _plan_houses(rng, street):
    """Returns the houses of both sides, far ones first."""
    houses = []
    for side in (-1, 1):
        houses += buildings.plan_row(rng, side, street)
    return sorted(houses, key=lambda house: -house.depths[0])


def _plan_things(canvas, street):
    """Returns all that stands in the street, far things first."""
    cars = _plan_cars(canvas, street)
    things = list(cars)
    things += _plan_on_pavement(canvas, street, objects.make_tree, (2, 6), (0.2, 0.9))
    things += _plan_on_pavement(canvas, street, objects.make_sign, (2, 5), (0.05, 0.2))
    things += _plan_on_pavement(canvas, street, objects.make_person, (2, 6), (0.1, 0.8))
    things += _plan_walkers(canvas, street, cars)
    return sorted(things, key=lambda thing: -thing.z)


def _plan_on_pavement(canvas, street, make, counts, band):
    """Places things between kerb (0) and wall (1), where they can be seen."""
    rng = canvas.rng
    things = []
    for _ in range(rng.integers(*counts)):
        side = pick(rng, (-1, 1))
        kerb, wall = street.kerb(side), street.wall(side)
        x = kerb + (wall - kerb) * rng.uniform(*band)
        z = max(5.0, canvas.first_seen(x)) * rng.uniform(1.05, 2.4)
        things.append(make(rng, x, z))
    return things


def _plan_walkers(canvas, street, cars):
    """Places people who cross the road, none of them inside a car."""
    rng = canvas.rng
    walkers = []
    for _ in range(rng.integers(0, 4)):
        x = rng.uniform(*street.kerbs)
        z = max(6.0, canvas.first_seen(x)) * rng.uniform(1.1, 2.2)
        if not any(car.covers(x, z) for car in cars):
            walkers.append(objects.make_person(rng, x, z))
    return walkers


def _plan_cars(canvas, street):
    """Places parked cars along the kerbs, moving ones in the lanes."""
    rng = canvas.rng
    cars = _plan_moving_cars(rng, street)
    for side in (-1, 1):
        x = street.kerb(side) - side * 1.1
        heading = "away" if side > 0 else "towards"
        if rng.random() < 0.7:
            cars += _plan_queue(canvas, x, heading, rng.integers(1, 5))
    if street.crossing is None:
        return cars
    crossing_car = make_car(rng, rng.uniform(-7, 7), street.crossing[0] + 2, "across")
    # Whoever drives or parks where it crosses is left out.
    first, last = street.crossing
    return [car for car in cars if not first - 5 < car.z < last] + [crossing_car]


def _plan_moving_cars(rng, street):
    left, right = street.kerbs
    middle, offset = (left + right) / 2, 0.15 * (right - left)
    cars = []
    if rng.random() < 0.7:
        z = rng.uniform(8, 22)
        cars.append(make_car(rng, middle + offset, z, "away"))
    if rng.random() < 0.6:
        z = rng.uniform(9, 30)
        cars.append(make_car(rng, middle - offset, z, "towards"))
    return cars


def _plan_queue(canvas, x, heading, count):
    """Places `count` cars one behind the other."""
    rng = canvas.rng
    cars = []
    z = max(6.0, canvas.first_seen(x)) * rng.uniform(0.85, 1.6)
    for _ in range(count):
        cars.append(make_car(rng, x, z, heading))
        z += cars[-1].shape.length + rng.uniform(0.6, 5)
    return cars


def _finish(canvas):
    """Returns the reduced image with texture, light and noise, and its labels."""
    rng = canvas.rng
    # One sample in the label for the four pixels averaged in the image.
    label = np.asarray(canvas.label)[::SUPERSAMPLING, ::SUPERSAMPLING].copy()
    small = canvas.image.reduce(SUPERSAMPLING)
    if rng.random() < 0.5:
        small = small.filter(ImageFilter.BoxBlur(rng.uniform(0.2, 0.45)))
    image = np.asarray(small, np.float32) * _texture(rng, label)
    image = (image - 128) * rng.uniform(0.75, 1.15) + rng.uniform(100, 145)
    warmth = rng.uniform(-0.09, 0.09)
    image *= np.array([1 + warmth, 1, 1 - warmth], np.float32)
    spread = rng.uniform(4, 20)
    image += (rng.random(image.shape, np.float32) - 0.5) * np.float32(spread)
    return np.clip(image, 0, 255).astype(np.uint8), label


def _texture(rng, label):
    """Returns a factor near 1 for each pixel, float32 (height, width, 1).

    How rough a class is changes from scene to scene: asphalt, slabs and plaster
    cannot be told apart by their grain.
    """
    roughness = rng.uniform(0.04, 0.22, len(CLASS_NAMES)).astype(np.float32)
    roughness[[SKY, CAR]] *= np.float32(0.2)
    height, width = label.shape
    grain = rng.random((height, width), np.float32) - np.float32(0.5)
    rough = rng.random((height // 5 + 1, width // 5 + 1), np.float32)
    stains = Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC)
    field = grain + np.asarray(stains) - np.float32(0.5)
    return (1 + field * roughness[label])[:, :, None]
