"""Camera, light and the paired image and label map that a street is drawn on.

The world is in metres: x to the right, y up, z away from the camera, which
stands above the origin and looks along z. Everything is placed there and then
projected, so sizes, occlusion and the vanishing point agree by construction.
"""

import dataclasses

from PIL import Image, ImageDraw

CLASS_NAMES = (
    "sky",
    "building",
    "tree",
    "road",
    "pavement",
    "car",
    "person",
    "sign",
)
SKY, BUILDING, TREE, ROAD, PAVEMENT, CAR, PERSON, SIGN = range(len(CLASS_NAMES))

# The image is drawn this many times larger than asked, then averaged.
SUPERSAMPLING = 2
# Nothing is projected from nearer than this, in metres.
NEAR = 0.3


def pick(rng, options):
    """Returns one of `options`; `rng.choice` is ten times slower."""
    return options[rng.integers(len(options))]


def jitter(rng, colour, amount):
    """Returns `colour` with each channel moved by at most `amount`."""
    return tuple(channel + rng.uniform(-amount, amount) for channel in colour)


def scaled(colour, factor):
    """Returns `colour` made brighter or darker by `factor`."""
    return tuple(channel * factor for channel in colour)


def blend(first, second, share):
    """Returns the colour that lies `share` of the way from `first` to `second`."""
    return tuple(a + (b - a) * share for a, b in zip(first, second, strict=True))


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks straight along z.

    Attributes:
        focal: Focal length in canvas pixels.
        column: Column of the vanishing point, in canvas pixels.
        row: Row of the horizon, in canvas pixels.
        height: Height of the camera above the road, in metres.
    """

    focal: float
    column: float
    row: float
    height: float

    def project(self, point):
        """Returns (column, row) of the point (x, y, z), as whole pixels."""
        x, y, z = point
        size = self.focal / (z if z > NEAR else NEAR)
        return (
            round(self.column + size * x),
            round(self.row + size * (self.height - y)),
        )


@dataclasses.dataclass(frozen=True)
class Light:
    """Where the light comes from and how it fades with distance.

    Attributes:
        sun_side: -1 where the sun is on the left, 1 on the right.
        strength: 0 is overcast (no shadows), 1 is full sun.
        slant: Metres along z that a shadow moves per metre of height.
        reach: Metres along x that a shadow moves per metre of height.
        haze: Colour that distant things fade to.
        haze_distance: Depth at which half of the colour is haze, in metres.
    """

    sun_side: int
    strength: float
    slant: float
    reach: float
    haze: tuple
    haze_distance: float

    def on_wall(self, side):
        """Returns the brightness of a façade on the left (-1) or right (1)."""
        return 1.0 - 0.35 * self.strength * (side == self.sun_side)


class Canvas:
    """An image and its label map, drawn together.

    A shape drawn with a class id goes into both, with hard edges in the label
    map. A shape drawn without one is a detail (a window, a lane mark) on what
    lies below it, and leaves the label map as it is.
    """

    def __init__(self, rng, size, camera, light):
        self.rng = rng
        self.width, self.height = size
        self.camera = camera
        self.light = light
        self.image = Image.new("RGB", size)
        self.label = Image.new("L", size, SKY)
        self.shade = Image.new("L", size, 0)
        self._brush = ImageDraw.Draw(self.image)
        self._marker = ImageDraw.Draw(self.label)
        self._shader = ImageDraw.Draw(self.shade)

    def face(self, points, colour, class_id=None, brightness=1.0):
        """Draws the polygon through `points`, each (x, y, z) in metres."""
        corners = [self.camera.project(point) for point in points]
        if self._is_visible(corners):
            depth = sum([point[2] for point in points]) / len(points)
            self._brush.polygon(corners, fill=self._seen(colour, depth, brightness))
            if class_id is not None:
                self._marker.polygon(corners, fill=class_id)

    def disc(self, centre, radii, colour, class_id=None, brightness=1.0):
        """Draws an upright ellipse; `radii` are (across, up) in metres."""
        x, y, z = centre
        across, up = radii
        box = [
            self.camera.project((x - across, y + up, z)),
            self.camera.project((x + across, y - up, z)),
        ]
        if self._is_visible(box):
            self._brush.ellipse(box, fill=self._seen(colour, z, brightness))
            if class_id is not None:
                self._marker.ellipse(box, fill=class_id)

    def upright(self, foot, outline, colour, class_id=None, brightness=1.0):
        """Draws a flat shape that faces the camera.

        Args:
            foot: (x, z) of the origin of `outline`, in metres.
            outline: Corners as (right, up) from there, in metres.
            colour: RGB in [0, 255] before light and haze.
            class_id: Class drawn into the label map; None for a detail.
            brightness: Factor on `colour`.
        """
        x, z = foot
        points = [(x + right, up, z) for right, up in outline]
        self.face(points, colour, class_id, brightness)

    def line(self, start, end, colour):
        """Draws a detail one canvas pixel wide."""
        ends = [self.camera.project(start), self.camera.project(end)]
        self._brush.line(ends, fill=self._seen(colour, (start[2] + end[2]) / 2, 1.0))

    def shadow(self, points, darkness):
        """Marks a polygon on the ground, (x, z) in metres, to be darkened."""
        corners = [self.camera.project((x, 0.0, z)) for x, z in points]
        self._shader.polygon(corners, fill=round(255 * darkness))

    def darken_shadows(self):
        """Darkens what has been drawn so far where `shadow` marked it."""
        self.image.paste((22, 24, 34), mask=self.shade)

    def first_seen(self, x):
        """Returns the depth in metres at which something at `x` enters the view."""
        room = self.width - self.camera.column if x > 0 else self.camera.column
        return self.camera.focal * abs(x) / max(room, 1.0)

    def _seen(self, colour, depth, brightness):
        share = depth / (depth + self.light.haze_distance)
        own = (1 - share) * brightness
        return tuple(
            [
                min(255, max(0, int(channel * own + haze * share)))
                for channel, haze in zip(colour, self.light.haze, strict=True)
            ]
        )

    def _is_visible(self, corners):
        columns, rows = zip(*corners, strict=True)
        across = max(columns) >= 0 and min(columns) < self.width
        return across and max(rows) >= 0 and min(rows) < self.height
