"""Trees, people and signs of a drawn street."""

import dataclasses

from selene_tf.data.scenes.canvas import PERSON, SIGN, TREE, jitter, pick, scaled

LEAVES = (
    (70, 104, 52),
    (58, 88, 58),
    (96, 124, 58),
    (120, 132, 70),
    (92, 104, 88),
    (176, 122, 50),
    (168, 84, 48),
    (120, 100, 78),
)
BARK = (88, 72, 58)
SKIN = ((236, 196, 164), (206, 156, 118), (140, 96, 70), (88, 60, 46))
HAIR = ((40, 30, 26), (90, 60, 36), (190, 160, 100), (150, 150, 150))
CLOTHES = (
    (170, 40, 44),
    (44, 66, 120),
    (120, 160, 206),
    (60, 64, 70),
    (110, 112, 116),
    (214, 212, 206),
    (70, 104, 60),
    (206, 170, 60),
    (140, 110, 84),
    (110, 70, 120),
    (30, 30, 34),
)
METAL = (128, 130, 134)
# Field and border of the plates.
PLATES = (
    ((236, 236, 232), (190, 34, 38)),
    ((190, 34, 38), (236, 236, 232)),
    ((36, 84, 168), (236, 236, 232)),
    ((230, 190, 50), (40, 40, 44)),
    ((40, 116, 72), (236, 236, 232)),
    ((120, 160, 206), (236, 236, 232)),
)
OUTLINES = {
    "triangle": ((-1.1, -0.8), (1.1, -0.8), (0, 1.1)),
    "rectangle": ((-0.8, -1), (0.8, -1), (0.8, 1), (-0.8, 1)),
    "board": ((-1.5, -0.7), (1.5, -0.7), (1.5, 0.7), (-1.5, 0.7)),
    "diamond": ((-1.15, 0), (0, -1.15), (1.15, 0), (0, 1.15)),
    "octagon": (
        (-0.4, -1),
        (0.4, -1),
        (1, -0.4),
        (1, 0.4),
        (0.4, 1),
        (-0.4, 1),
        (-1, 0.4),
        (-1, -0.4),
    ),
}


def _drop_shadow(canvas, foot, height, half_width):
    """Marks the shadow of something slim that stands at `foot`, (x, z)."""
    x, z = foot
    light = canvas.light
    canvas.shadow(
        [(x - half_width, z - 0.1), (x + half_width, z - 0.1), (x, z + 0.3)], 0.5
    )
    if light.strength:
        tip = (x - light.sun_side * light.reach * height, z + light.slant * height)
        outline = [(x, z - half_width), (x, z + half_width)]
        outline += [(tip[0], tip[1] + half_width), (tip[0], tip[1] - half_width)]
        canvas.shadow(outline, 0.45 * light.strength)


@dataclasses.dataclass(frozen=True)
class Tree:
    """A trunk with a crown of many blobs; without a trunk it is a bush.

    Attributes:
        x: Foot of the tree, in metres.
        z: Its depth, in metres.
        trunk: Height of the trunk, in metres.
        radius: Half of the width of the crown, in metres.
        stretch: Height of the crown over its width.
        leaves: RGB of the crown.
    """

    x: float
    z: float
    trunk: float
    radius: float
    stretch: float
    leaves: tuple

    def cast_shadow(self, canvas):
        """Marks the shadow of trunk and crown."""
        height = self.trunk + self.radius
        _drop_shadow(canvas, (self.x, self.z), height, self.radius / 2)

    def draw(self, canvas):
        """Draws the trunk, then the blobs from dark to light."""
        width = 0.12 + 0.05 * self.radius
        top = self.trunk + self.radius * 0.5
        if self.trunk > 0.3:
            outline = [(-width, 0), (width, 0), (width * 0.7, top), (-width * 0.7, top)]
            canvas.upright((self.x, self.z), outline, BARK, TREE)
        for level in (0.62, 0.8, 0.98):
            for chances in canvas.rng.uniform(-0.5, 0.5, (14, 5)).tolist():
                self._draw_blob(canvas, level, chances)

    def _draw_blob(self, canvas, level, chances):
        """Draws one blob; `chances` are five numbers in [-0.5, 0.5)."""
        # A sum of two is denser in the middle, so the rim is ragged.
        across = chances[0] + chances[1]
        up = 2 * chances[2] * (1 - across * across) + (level - 0.8) * 0.8
        size = self.radius * (0.25 + 0.2 * chances[3])
        middle = self.trunk + self.radius * self.stretch
        centre = (
            self.x + across * self.radius,
            max(size, middle + up * self.radius * self.stretch * 0.8),
            self.z,
        )
        lit = 0.12 * canvas.light.strength * across * canvas.light.sun_side
        brightness = level + lit + 0.16 * chances[4]
        canvas.disc(centre, (size, size * 0.85), self.leaves, TREE, brightness)


@dataclasses.dataclass(frozen=True)
class Person:
    """Somebody who stands or walks.

    Attributes:
        x: Between the feet, in metres.
        z: Depth, in metres.
        height: Metres from sole to crown.
        stride: Half of the distance between the feet over the height.
        top: RGB of the upper clothes.
        bottom: RGB of the lower clothes.
        has_coat: Whether the upper clothes reach to the knees.
    """

    x: float
    z: float
    height: float
    stride: float
    top: tuple
    bottom: tuple
    has_coat: bool

    def cast_shadow(self, canvas):
        """Marks the shadow."""
        _drop_shadow(canvas, (self.x, self.z), self.height, 0.25)

    def draw(self, canvas):
        """Draws legs, arms, trunk and head."""
        rng = canvas.rng
        skin = pick(rng, SKIN)
        for sign in (-1, 1):
            self._draw_leg(canvas, sign)
        for sign in (-1, 1):
            self._draw_arm(canvas, sign, skin)
        hem = 0.28 if self.has_coat else 0.45
        wide = 0.15 if self.has_coat else 0.115
        self._part(
            canvas, ((-wide, hem), (wide, hem), (0.15, 0.82), (-0.15, 0.82)), self.top
        )
        self._draw_head(canvas, skin)

    def _part(self, canvas, outline, colour, brightness=1.0):
        size = self.height
        metres = [(right * size, up * size) for right, up in outline]
        canvas.upright((self.x, self.z), metres, colour, PERSON, brightness)

    def _draw_leg(self, canvas, sign):
        foot = sign * (self.stride + 0.04)
        outline = ((foot - 0.05, 0), (foot + 0.05, 0))
        outline += ((sign * 0.06 + 0.065, 0.5), (sign * 0.06 - 0.065, 0.5))
        self._part(canvas, outline, self.bottom, 1.0 if sign > 0 else 0.82)
        shoe = ((foot - 0.055, 0), (foot + 0.055, 0))
        shoe += ((foot + 0.05, 0.04), (foot - 0.05, 0.04))
        self._part(canvas, shoe, (40, 36, 34))

    def _draw_arm(self, canvas, sign, skin):
        hand = sign * (0.17 + self.stride * 0.5)
        shoulder = sign * 0.13
        sleeve = ((shoulder - 0.04, 0.8), (shoulder + 0.04, 0.8))
        sleeve += ((hand + 0.035, 0.48), (hand - 0.035, 0.48))
        self._part(canvas, sleeve, self.top, 0.85)
        end = ((hand - 0.03, 0.43), (hand + 0.03, 0.43))
        end += ((hand + 0.03, 0.48), (hand - 0.03, 0.48))
        self._part(canvas, end, skin)

    def _draw_head(self, canvas, skin):
        size = self.height
        centre = (self.x, 0.91 * size, self.z)
        canvas.disc(centre, (0.068 * size, 0.085 * size), skin, PERSON)
        hair = (self.x, 0.945 * size, self.z)
        radii = (0.066 * size, 0.052 * size)
        canvas.disc(hair, radii, pick(canvas.rng, HAIR), PERSON)


@dataclasses.dataclass(frozen=True)
class Sign:
    """A plate, or traffic lights, on a pole.

    Attributes:
        x: Foot of the pole, in metres.
        z: Depth, in metres.
        height: Height of the middle of the plate, in metres.
        radius: Half of the size of the plate, in metres.
        kind: "round", "lights" or a key of `OUTLINES`.
        colours: RGB of the field and of the border.
    """

    x: float
    z: float
    height: float
    radius: float
    kind: str
    colours: tuple

    def cast_shadow(self, canvas):
        """Marks the shadow of the pole."""
        _drop_shadow(canvas, (self.x, self.z), self.height, 0.1)

    def draw(self, canvas):
        """Draws the pole, then what it carries."""
        pole = [(-0.07, 0), (0.07, 0), (0.07, self.height), (-0.07, self.height)]
        canvas.upright((self.x, self.z), pole, METAL, SIGN)
        if self.kind == "lights":
            self._draw_lights(canvas)
        else:
            field, border = self.colours
            self._draw_plate(canvas, 1.0, border)
            self._draw_plate(canvas, 0.72, field)
            self._draw_symbol(canvas, border)

    def _outline(self, outline, size):
        size *= self.radius
        return [(right * size, self.height + up * size) for right, up in outline]

    def _draw_plate(self, canvas, size, colour):
        if self.kind == "round":
            centre = (self.x, self.height, self.z)
            radii = (self.radius * size, self.radius * size)
            canvas.disc(centre, radii, colour, SIGN)
            return
        outline = self._outline(OUTLINES[self.kind], size)
        canvas.upright((self.x, self.z), outline, colour, SIGN)

    def _draw_symbol(self, canvas, colour):
        bar = ((-0.4, -0.14), (0.4, -0.14), (0.4, 0.14), (-0.4, 0.14))
        canvas.upright((self.x, self.z), self._outline(bar, 1.0), colour)

    def _draw_lights(self, canvas):
        box = ((-0.55, -1.2), (0.55, -1.2), (0.55, 1.2), (-0.55, 1.2))
        outline = self._outline(box, 1.0)
        canvas.upright((self.x, self.z), outline, (36, 38, 40), SIGN)
        lit = canvas.rng.integers(3)
        lamps = ((60, 200, 110), (240, 190, 60), (230, 50, 44))
        for index, lamp in enumerate(lamps):
            up = self.height + (index - 1) * 0.75 * self.radius
            size = 0.3 * self.radius
            colour = lamp if index == lit else scaled(lamp, 0.3)
            canvas.disc((self.x, up, self.z), (size, size), colour)


def make_tree(rng, x, z):
    """Returns a tree, or one time in five a bush."""
    is_bush = rng.random() < 0.2
    trunk = rng.uniform(0, 0.2) if is_bush else rng.uniform(1.4, 2.8)
    radius = rng.uniform(0.7, 1.3) if is_bush else rng.uniform(1.2, 2.4)
    leaves = jitter(rng, pick(rng, LEAVES), 14)
    return Tree(x, z, trunk, radius, rng.uniform(0.8, 1.4), leaves)


def make_person(rng, x, z):
    """Returns a person of any size, in any clothes."""
    height = rng.uniform(1.1, 1.4) if rng.random() < 0.15 else rng.uniform(1.6, 1.95)
    top = jitter(rng, pick(rng, CLOTHES), 14)
    bottom = jitter(rng, pick(rng, CLOTHES), 14)
    stride = rng.uniform(0.0, 0.13)
    return Person(x, z, height, stride, top, bottom, rng.random() < 0.3)


def make_sign(rng, x, z):
    """Returns a sign of any kind."""
    kind = pick(rng, ("round", "round", "lights", *OUTLINES))
    height = rng.uniform(2.3, 3.2)
    return Sign(x, z, height, rng.uniform(0.42, 0.62), kind, pick(rng, PLATES))
