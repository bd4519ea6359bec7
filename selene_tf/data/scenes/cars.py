"""Cars of a drawn street: a body and a cabin in perspective, with details."""

import dataclasses
import math

from selene_tf.data.scenes.canvas import CAR, jitter, pick, scaled

# Greys of the asphalt, blues of the sky and greens of the trees among them.
PAINTS = (
    (180, 30, 34),
    (40, 70, 140),
    (96, 140, 196),
    (150, 184, 222),
    (96, 98, 102),
    (130, 130, 132),
    (176, 178, 180),
    (228, 228, 228),
    (38, 40, 44),
    (66, 96, 62),
    (104, 124, 70),
    (214, 178, 60),
    (200, 110, 50),
    (150, 132, 108),
)
WINDOW = (44, 52, 64)
TYRE = (28, 28, 30)
RIM = (150, 152, 156)
# A wheel as a polygon of twelve corners, (along, up) on the unit circle. Not by
# sine and cosine, whose last digit differs between machines.
HIGH = math.sqrt(3) / 2
QUARTER = ((1.0, 0.0), (HIGH, 0.5), (0.5, HIGH))
CORNERS = (
    *QUARTER,
    *((-up, along) for along, up in QUARTER),
    *((-along, -up) for along, up in QUARTER),
    *((up, -along) for along, up in QUARTER),
)


@dataclasses.dataclass(frozen=True)
class Shape:
    """Measures of a kind of car, in metres.

    Attributes:
        length: From the rear to the front.
        half_width: Half of the width.
        belt: Height of the lower edge of the windows.
        top: Height of the roof.
        cabin: (rear, front) of the cabin at the belt, from the rear.
        roof: (rear, front) of the roof, from the rear.
    """

    length: float
    half_width: float
    belt: float
    top: float
    cabin: tuple
    roof: tuple


SALOON = Shape(4.5, 0.92, 0.92, 1.46, (0.5, 3.5), (1.1, 2.7))
HATCHBACK = Shape(3.9, 0.88, 0.95, 1.52, (0.05, 3.0), (0.4, 2.3))
OFF_ROADER = Shape(4.6, 0.97, 1.1, 1.8, (0.05, 3.5), (0.3, 2.9))
VAN = Shape(5.2, 1.0, 1.2, 2.3, (0.02, 4.7), (0.1, 4.0))
SHAPES = (SALOON, SALOON, HATCHBACK, HATCHBACK, OFF_ROADER, VAN)


@dataclasses.dataclass(frozen=True)
class Car:
    """One car.

    Attributes:
        x: Centre of the car, in metres.
        z: Depth of its nearest face, in metres.
        heading: "away", "towards" or "across" (it crosses the view).
        shape: Its measures.
        paint: RGB of the body.
    """

    x: float
    z: float
    heading: str
    shape: Shape
    paint: tuple

    def covers(self, x, z):
        """Returns whether something that stands at (x, z) would touch the car."""
        across, along = self.shape.half_width + 0.4, self.shape.length
        if self.heading == "across":
            half = along / 2 + 0.4
            return abs(x - self.x) < half and abs(z - self.z - across) < across + 0.4
        return abs(x - self.x) < across and -1.5 < z - self.z < along + 0.5

    def cast_shadow(self, canvas):
        """Marks the ground under and beside the car."""
        shape = self.shape
        drift = -canvas.light.sun_side * canvas.light.strength * 0.8
        corners = [
            self._place((-0.1, -shape.half_width, 0)),
            self._place((-0.1, shape.half_width, 0)),
            self._place((shape.length + 0.1, shape.half_width, 0)),
            self._place((shape.length + 0.1, -shape.half_width, 0)),
        ]
        under = [(x, z) for x, _, z in corners]
        if drift:
            canvas.shadow([(x + drift, z) for x, z in under], 0.55)
        # Last, since a later mark replaces an earlier one.
        canvas.shadow(under, 0.75)

    def draw(self, canvas):
        """Draws wheels and body, then the cabin that stands on it."""
        shape = self.shape
        body = (0.0, shape.length)
        self._draw_box(canvas, (body, 0.26), (body, shape.belt), 0.0, self._detail_body)
        self._draw_lid(canvas, body, shape.belt, 0.0, 1.08)
        rise = ((shape.cabin, shape.belt), (shape.roof, shape.top))
        self._draw_box(canvas, *rise, 0.16, self._detail_cabin)
        if canvas.camera.height > shape.top:
            self._draw_lid(canvas, shape.roof, shape.top, 0.16, 1.1)

    def _place(self, local):
        """Maps (from the rear, to the left, up) to (x, y, z), all in metres."""
        along, aside, up = local
        shape = self.shape
        if self.heading == "away":
            return (self.x + aside, up, self.z + along)
        if self.heading == "towards":
            return (self.x + aside, up, self.z + shape.length - along)
        right = along - shape.length / 2
        return (self.x + right, up, self.z + shape.half_width + aside)

    def _face(self, canvas, corners, colour, brightness=1.0):
        points = [self._place(corner) for corner in corners]
        canvas.face(points, colour, CAR, brightness)

    def _draw_lid(self, canvas, span, up, inset, brightness):
        rear, front = span
        half = self.shape.half_width - inset
        corners = [
            (rear, -half, up),
            (rear, half, up),
            (front, half, up),
            (front, -half, up),
        ]
        self._face(canvas, corners, self.paint, brightness)

    def _draw_box(self, canvas, lower, upper, inset, detail):
        """Draws the two faces that can be seen, each with its details."""
        (low_rear, low_front), low = lower
        (high_rear, high_front), high = upper
        wide, narrow = self.shape.half_width, self.shape.half_width - inset
        faces = {
            "rear": _quad((low_rear, low_rear, high_rear), (wide, narrow), low, high),
            "front": _quad(
                (low_front, low_front, high_front), (wide, narrow), low, high
            ),
        }
        for name, sign in (("left", -1), ("right", 1)):
            faces[name] = [
                (low_rear, sign * wide, low),
                (low_front, sign * wide, low),
                (high_front, sign * narrow, high),
                (high_rear, sign * narrow, high),
            ]
        nearest = sorted(faces, key=lambda key: -self._distance(faces[key]))[-2:]
        for name in nearest:
            corners = faces[name]
            brightness = self._brightness(canvas, corners)
            self._face(canvas, corners, self.paint, brightness)
            detail(canvas, name, corners, brightness)

    def _distance(self, corners):
        """Returns the squared distance from the camera, seen from above."""
        places = [self._place(corner) for corner in corners]
        x = sum(place[0] for place in places) / len(places)
        z = sum(place[2] for place in places) / len(places)
        return x * x + z * z

    def _brightness(self, canvas, corners):
        """Returns how bright a face is: ends and shaded sides are darker."""
        places = [self._place(corner) for corner in corners]
        if abs(places[0][2] - places[1][2]) < 0.1:
            return 0.9
        side = -1 if places[0][0] > self.x else 1
        return canvas.light.on_wall(side)

    def _detail_body(self, canvas, name, corners, brightness):
        if name in ("left", "right"):
            aside = corners[0][1]
            for along in (0.8, self.shape.length - 0.8):
                self._draw_wheel(canvas, along, aside)
            return
        lamp = (220, 40, 36) if name == "rear" else (250, 246, 220)
        plate = (236, 232, 200) if name == "rear" else scaled(self.paint, 0.4)
        for start, end in ((0.02, 0.22), (0.78, 0.98)):
            self._face(canvas, _inset(corners, (start, end), (0.55, 0.85)), lamp)
        self._face(canvas, _inset(corners, (0.36, 0.64), (0.3, 0.55)), plate)
        for start, end in ((0.06, 0.2), (0.8, 0.94)):
            tyre = _inset(corners, (start, end), (-0.4, 0.0))
            self._face(canvas, tyre, TYRE)
        bumper = scaled(self.paint, 0.5)
        self._face(canvas, _inset(corners, (0, 1), (0, 0.2)), bumper, brightness)

    def _detail_cabin(self, canvas, name, corners, brightness):
        if name in ("rear", "front"):
            self._face(canvas, _inset(corners, (0.1, 0.9), (0.08, 0.88)), WINDOW)
            return
        front, rear = (0.52, 0.92), (0.08, 0.46)
        # A van carries goods: no glass at the rear.
        for span in (front,) if self.shape is VAN else (front, rear):
            pane = _inset(corners, span, (0.1, 0.86))
            self._face(canvas, pane, WINDOW, brightness)

    def _draw_wheel(self, canvas, along, aside):
        for radius, colour in ((0.34, TYRE), (0.18, RIM)):
            corners = [
                (along + radius * right, aside, 0.34 + radius * up)
                for right, up in CORNERS
            ]
            self._face(canvas, corners, colour)


def _quad(ends, halves, low, high):
    """Returns an end face: `ends` along the car, `halves` across it."""
    wide, narrow = halves
    return [
        (ends[0], -wide, low),
        (ends[1], wide, low),
        (ends[2], narrow, high),
        (ends[2], -narrow, high),
    ]


def _inset(corners, span, rise):
    """Returns a part of a quad; `span` and `rise` are shares of its sides."""
    low_left, low_right, high_right, high_left = corners

    def inside(share, up):
        low = _between(low_left, low_right, share)
        return _between(low, _between(high_left, high_right, share), up)

    return [
        inside(span[0], rise[0]),
        inside(span[1], rise[0]),
        inside(span[1], rise[1]),
        inside(span[0], rise[1]),
    ]


def _between(start, end, share):
    return tuple(a + (b - a) * share for a, b in zip(start, end, strict=True))


def make_car(rng, x, z, heading):
    """Returns a car of any kind and colour."""
    paint = jitter(rng, pick(rng, PAINTS), 14)
    return Car(x, z, heading, pick(rng, SHAPES), paint)
