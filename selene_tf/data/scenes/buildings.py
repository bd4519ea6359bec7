"""Buildings of a drawn street: façades in perspective and blocks far away."""

import dataclasses

from selene_tf.data.scenes.canvas import BUILDING, blend, jitter, pick, scaled

# Some as grey as asphalt and slabs, some as blue as the sky, some as green as
# a tree: the colour of a wall must not give its class away.
WALLS = (
    (168, 92, 72),
    (150, 78, 64),
    (206, 184, 150),
    (226, 214, 190),
    (100, 101, 104),
    (126, 125, 122),
    (150, 150, 152),
    (176, 176, 174),
    (140, 172, 208),
    (172, 196, 220),
    (108, 134, 166),
    (222, 224, 226),
    (196, 160, 96),
    (120, 136, 98),
    (92, 114, 78),
    (204, 150, 140),
)
SHOP_COLOURS = (
    (190, 40, 40),
    (40, 80, 170),
    (40, 120, 70),
    (230, 190, 50),
    (230, 230, 225),
    (50, 50, 55),
)
GLASS = (
    (60, 70, 84),
    (40, 46, 56),
    (96, 110, 126),
    (150, 180, 214),
    (190, 208, 226),
    (226, 206, 150),
)


@dataclasses.dataclass(frozen=True)
class Wall:
    """An upright rectangle; its details are placed by (along, up) in metres.

    Attributes:
        corner: (x, z) of one lower corner.
        direction: (x, z) of the unit vector along the foot of the wall.
        length: Metres along the foot.
        height: Metres up.
        brightness: Factor of the light that falls on it.
    """

    corner: tuple
    direction: tuple
    length: float
    height: float
    brightness: float

    def point(self, along, up):
        """Returns (x, y, z) of a place on the wall."""
        (x, z), (right, away) = self.corner, self.direction
        return (x + right * along, up, z + away * along)

    def patch(self, canvas, span, rise, colour, class_id=None):
        """Draws a rectangle: `span` is (from, to) along, `rise` (from, to) up."""
        (start, end), (low, high) = span, rise
        corners = [
            self.point(start, low),
            self.point(end, low),
            self.point(end, high),
            self.point(start, high),
        ]
        canvas.face(corners, colour, class_id, self.brightness)

    def fill(self, canvas, colour):
        """Draws the whole wall, in slices because haze changes along it."""
        slices = 1 if self.direction[1] == 0 else 4
        for index in range(slices):
            span = (
                self.length * index / slices,
                self.length * (index + 1) / slices,
            )
            self.patch(canvas, span, (0, self.height), colour, BUILDING)


@dataclasses.dataclass(frozen=True)
class Building:
    """One house in a row.

    Attributes:
        side: -1 on the left of the street, 1 on the right.
        wall: x of its façade, in metres.
        depths: (first, last) z of its façade, in metres.
        height: Metres up to the eaves.
        colour: RGB of the walls.
        roof: Metres from the eaves up to the ridge; 0 is a flat roof.
        is_detached: Whether its end wall stands free and so has windows.
    """

    side: int
    wall: float
    depths: tuple
    height: float
    colour: tuple
    roof: float
    is_detached: bool

    def cast_shadow(self, canvas):
        """Marks the shadow on the ground, if the sun is behind the house."""
        light = canvas.light
        if light.sun_side != self.side or light.strength == 0:
            return
        near, far = self.depths
        tip = self.wall - self.side * self.height * light.reach
        shift = self.height * light.slant
        outline = [
            (self.wall, near),
            (self.wall, far),
            (tip, far + shift),
            (tip, near + shift),
        ]
        canvas.shadow(outline, 0.5 * light.strength)

    def draw(self, canvas):
        """Draws end wall, roof and façade."""
        near, far = self.depths
        end = Wall((self.wall, near), (self.side, 0), 14, self.height, 0.85)
        end.fill(canvas, self.colour)
        if self.is_detached:
            _draw_windows(canvas, end, _Style(canvas.rng, self.colour))
        self._draw_roof(canvas)
        brightness = canvas.light.on_wall(self.side)
        facade = Wall((self.wall, near), (0, 1), far - near, self.height, brightness)
        facade.fill(canvas, self.colour)
        _draw_windows(canvas, facade, _Style(canvas.rng, self.colour))
        _draw_ground_floor(canvas, facade)

    def _draw_roof(self, canvas):
        if self.roof == 0:
            return
        tiles = jitter(canvas.rng, blend(self.colour, (110, 70, 60), 0.6), 15)
        (near, far), high = self.depths, self.height + self.roof
        middle = self.wall + self.side * 5
        back = self.wall + self.side * 10
        gable = [
            (self.wall, self.height, near),
            (middle, high, near),
            (back, self.height, near),
        ]
        slope = [
            (self.wall, self.height, near),
            (self.wall, self.height, far),
            (middle, high, far),
            (middle, high, near),
        ]
        canvas.face(gable, self.colour, BUILDING, 0.85)
        canvas.face(slope, tiles, BUILDING)


class _Style:
    """How the windows of one wall look; drawn once, used for all of them."""

    def __init__(self, rng, wall_colour):
        self.glass = jitter(rng, pick(rng, GLASS), 12)
        self.frame = pick(rng, ((235, 235, 230), scaled(wall_colour, 0.7)))
        self.has_frame = rng.random() < 0.5
        self.pitch = rng.uniform(2.2, 4.0)
        self.storey = rng.uniform(2.8, 3.6)
        # Shares of pitch and storey; near 1 is a curtain wall of glass.
        self.width = pick(rng, (0.35, 0.45, 0.55, 0.85))
        self.rise = pick(rng, (0.45, 0.55, 0.65))


def _draw_windows(canvas, wall, style):
    columns = max(1, int(wall.length / style.pitch))
    floors = int((wall.height - 3.2) / style.storey)
    pitch = wall.length / columns
    for column in range(columns):
        middle = (column + 0.5) * pitch
        if not _can_be_seen(canvas, wall, middle):
            continue
        for floor in range(floors):
            bottom = 3.4 + floor * style.storey
            _draw_window(canvas, wall, style, (middle, pitch), bottom)


def _can_be_seen(canvas, wall, along):
    """Returns whether a window there is in the view and wider than a pixel."""
    x, _, z = wall.point(along, 0)
    width = canvas.camera.focal / z
    if wall.direction[0] == 0:
        # A façade along the street is seen at a slant.
        width *= abs(x) / z
    return width > 1.0 and z > canvas.first_seen(x) * 0.9


def _draw_window(canvas, wall, style, place, bottom):
    middle, pitch = place
    half = style.width * pitch / 2
    top = bottom + style.rise * style.storey
    glass = style.glass
    if canvas.rng.random() < 0.2:
        glass = pick(canvas.rng, GLASS)
    if style.has_frame:
        frame_span = (middle - half - 0.12, middle + half + 0.12)
        wall.patch(canvas, frame_span, (bottom - 0.15, top + 0.1), style.frame)
    wall.patch(canvas, (middle - half, middle + half), (bottom, top), glass)


def _draw_ground_floor(canvas, wall):
    """Draws doors, or shop windows with a board above them."""
    rng = canvas.rng
    is_shop = rng.random() < 0.5
    along = 0.6
    while along + 3 < wall.length:
        if is_shop:
            _draw_shop(canvas, wall, along)
        else:
            door = jitter(rng, pick(rng, SHOP_COLOURS), 20)
            wall.patch(canvas, (along, along + 1.1), (0, 2.3), scaled(door, 0.7))
            glass = pick(rng, GLASS)
            wall.patch(canvas, (along + 1.7, along + 3), (1, 2.4), glass)
        along += rng.uniform(3.8, 5)


def _draw_shop(canvas, wall, along):
    rng = canvas.rng
    wall.patch(canvas, (along, along + 3), (0.4, 2.5), pick(rng, GLASS))
    board = jitter(rng, pick(rng, SHOP_COLOURS), 20)
    wall.patch(canvas, (along - 0.2, along + 3.2), (2.5, 3.1), board)


def plan_row(rng, side, street):
    """Returns the houses of one side, nearest first."""
    houses = []
    depth = rng.uniform(0.5, 4)
    is_detached = True
    while depth < 75:
        length = rng.uniform(7, 18)
        if street.crossing is not None and _is_blocked(depth, length, street):
            depth = street.crossing[1] + 1.5
            is_detached = True
            continue
        depths = (depth, depth + length)
        houses.append(_plan_house(rng, side, street, depths, is_detached))
        is_detached = rng.random() < 0.3
        depth += length + is_detached * rng.uniform(3, 10)
    return houses


def _is_blocked(depth, length, street):
    first, last = street.crossing
    return depth < last + 1.5 and depth + length > first - 1.5


def _plan_house(rng, side, street, depths, is_detached):
    roof = rng.uniform(1.5, 3.5) if rng.random() < 0.5 else 0.0
    height = rng.uniform(4, 9) if roof else rng.uniform(5, 20)
    wall = street.wall(side) + side * rng.uniform(0, 1.2)
    colour = jitter(rng, pick(rng, WALLS), 14)
    return Building(side, wall, depths, height, colour, roof, is_detached)


def draw_skyline(canvas):
    """Draws blocks that stand beyond the street, far ones first."""
    rng = canvas.rng
    count = rng.integers(3, 9)
    for depth in sorted(rng.uniform(80, 160, count).tolist(), reverse=True):
        left = rng.uniform(-0.9, 0.7) * depth
        length = rng.uniform(8, 30)
        block = Wall((left, depth), (1, 0), length, rng.uniform(6, 32), 0.9)
        colour = jitter(rng, pick(rng, WALLS), 14)
        block.fill(canvas, colour)
        _draw_bands(canvas, block, scaled(colour, rng.uniform(0.6, 0.85)))


def _draw_bands(canvas, block, colour):
    """Draws rows of windows as bands: single ones would be below a pixel."""
    for floor in range(1, int(block.height / 3.5)):
        rise = (floor * 3.5, floor * 3.5 + 1.6)
        block.patch(canvas, (0.8, block.length - 0.8), rise, colour)
