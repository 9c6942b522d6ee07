"""Painters for the demo's pictures: each makes a function of a size and a random source."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Size = tuple[int, int]
Colour = tuple[int, int, int]
Palette = tuple[Colour, ...]
"""Colours from the top of the sky (or the background) to the nearest thing."""
Painter = Callable[[Size, np.random.Generator], Image.Image]

ROSE: Palette = ((250, 214, 205), (196, 120, 140), (92, 48, 78), (243, 190, 165), (60, 30, 52))
TEAL: Palette = ((196, 232, 226), (74, 148, 156), (22, 66, 84), (222, 176, 150), (16, 40, 56))
AMBER: Palette = ((255, 226, 160), (226, 138, 62), (120, 52, 34), (178, 112, 80), (44, 24, 24))
DAWN: Palette = ((64, 84, 150), (236, 152, 130), (255, 222, 170), (128, 110, 158), (34, 38, 74))
PINE: Palette = ((150, 196, 214), (206, 226, 222), (240, 240, 220), (110, 150, 140), (22, 54, 52))
SAND: Palette = ((110, 170, 206), (220, 226, 214), (248, 226, 178), (226, 168, 104), (134, 74, 48))
NIGHT: Palette = ((10, 16, 44), (28, 58, 96), (84, 130, 146), (24, 62, 72), (4, 14, 22))
DUSK: Palette = ((50, 36, 88), (184, 84, 110), (255, 178, 108), (96, 70, 122), (24, 22, 52))
LAGOON: Palette = ((84, 176, 220), (176, 222, 232), (244, 244, 226), (36, 158, 170), (12, 74, 96))
CITY: Palette = ((34, 28, 72), (122, 64, 120), (250, 146, 110), (74, 52, 104), (18, 16, 40))
WARM: Palette = ((250, 236, 214), (232, 96, 70), (244, 172, 66), (150, 40, 62), (60, 34, 54))
COOL: Palette = ((228, 238, 242), (52, 116, 178), (86, 190, 182), (34, 50, 104), (240, 196, 120))


def portrait(palette: Palette) -> Painter:
    """Head and shoulders before a lit background."""

    def paint(size: Size, random: np.random.Generator) -> Image.Image:
        width, height = size
        image = _glow(size, palette[0], palette[1], palette[2], (0.3, 0.25))
        unit = 0.165 * min(width, height * 0.8)
        middle, level = width / 2, height * 0.4
        hair, skin, shade = palette[4], palette[3], _mix(palette[3], palette[2], 0.4)
        draw = ImageDraw.Draw(image)
        _oval(draw, middle, level + unit * 0.35, unit * 1.45, unit * 2.0, hair)
        shoulders = level + unit * 4.1
        _oval(draw, middle, shoulders, unit * 2.9, unit * 2.1, palette[2])
        draw.rectangle((middle - unit * 2.9, shoulders, middle + unit * 2.9, height), palette[2])
        _oval(draw, middle, level + unit * 1.55, unit * 0.5, unit * 0.9, shade)
        _oval(draw, middle, level, unit, unit * 1.3, skin)
        fringe = [
            (middle - unit * 1.12, level + unit * 0.1),
            (middle - unit * 0.95, level - unit * 1.2),
            (middle + unit * 0.2, level - unit * 1.6),
            (middle + unit * 1.15, level - unit * 0.8),
            (middle + unit * 1.1, level + unit * 0.2),
            (middle + unit * 0.5, level - unit * 0.75),
        ]
        draw.polygon(fringe, fill=hair)
        return _finish(image, random, soften=1.6)

    return paint


def mountains(palette: Palette) -> Painter:
    """Ridges behind ridges, paler with distance."""

    def paint(size: Size, random: np.random.Generator) -> Image.Image:
        image = _sky(size, palette)
        _sun(image, (0.68, 0.4), 0.07, palette[2])
        for layer in range(5):
            near = layer / 4
            ridge = _ridge(size[0], random, rough=2.6 - near)
            base = size[1] * (0.5 + 0.11 * layer)
            _fill_below(
                image,
                base - ridge * size[1] * (0.2 - 0.08 * near),
                _mix(palette[3], palette[4], near),
            )
        return _finish(image, random)

    return paint


def dunes(palette: Palette) -> Painter:
    """Smooth hills of sand, each with a lit and a dark side."""

    def paint(size: Size, random: np.random.Generator) -> Image.Image:
        width, height = size
        image = _sky(size, palette)
        _sun(image, (0.25, 0.3), 0.06, (255, 250, 226))
        along = np.linspace(0, 1, width)
        for layer in range(4):
            phase, near = random.uniform(0, 6), layer / 3
            crest = height * (0.52 + 0.13 * layer)
            line = crest - np.sin(along * (3.2 + layer) + phase) * height * 0.06
            _fill_below(image, line, _mix(palette[2], palette[3], 0.35 + 0.65 * near))
            shadow = np.maximum(
                line + height * 0.02, line + np.cos(along * 5 + phase) * height * 0.1
            )
            _fill_below(image, shadow, _mix(palette[3], palette[4], 0.25 + 0.5 * near))
        return _finish(image, random)

    return paint


def forest(palette: Palette) -> Painter:
    """Rows of firs under a moon."""

    def paint(size: Size, random: np.random.Generator) -> Image.Image:
        width, height = size
        image = _sky(size, palette)
        _sun(image, (0.64, 0.2), 0.1, (240, 240, 214))
        for layer in range(4):
            near = layer / 3
            colour = _mix(palette[3], palette[4], near)
            draw = ImageDraw.Draw(image)
            ground = height * (0.6 + 0.12 * layer)
            draw.rectangle((0, ground, width, height), fill=colour)
            step = width / (13 - 2.4 * layer)
            for place in np.arange(-step, width + step, step):
                x = place + random.uniform(-0.3, 0.3) * step
                _fir(draw, x, ground + 4, step * random.uniform(1.9, 3.1), colour)
            image = image.filter(ImageFilter.GaussianBlur(1.4 * (1 - near)))
        return _finish(image, random)

    return paint


def sea(palette: Palette) -> Painter:
    """A low sun over water, an island and two boats."""

    def paint(size: Size, random: np.random.Generator) -> Image.Image:
        width, height = size
        image = _sky(size, palette)
        _sun(image, (0.58, 0.46), 0.09, (255, 240, 200))
        horizon = int(height * 0.56)
        island = horizon - _ridge(width, random, 2.2) * height * 0.16
        fade = np.clip(1.3 - 4 * np.abs(np.linspace(-0.25, 0.75, width)), 0, 1)
        _fill_below(image, horizon - (horizon - island) * fade, palette[3])
        water = _vertical((width, height - horizon), [palette[3], palette[4]])
        image.paste(water, (0, horizon))
        draw = ImageDraw.Draw(image)
        for _ in range(260):
            deep = random.uniform(0, 1) ** 1.5
            y = horizon + deep * (height - horizon)
            reach = 0.03 + 0.12 * deep
            x = width * (0.58 + random.normal(0, reach))
            long = width * random.uniform(0.01, 0.04) * (0.4 + deep)
            draw.line((x - long, y, x + long, y), fill=_mix(palette[2], palette[3], deep), width=2)
        for place, scale in ((0.3, 0.14), (0.82, 0.09)):
            _boat(draw, width * place, height * 0.7, height * scale, palette[4])
        return _finish(image, random)

    return paint


def city(palette: Palette) -> Painter:
    """Towers with lit windows."""

    def paint(size: Size, random: np.random.Generator) -> Image.Image:
        width, height = size
        image = _sky(size, palette)
        _sun(image, (0.35, 0.5), 0.16, (255, 190, 130))
        draw = ImageDraw.Draw(image)
        for layer in range(3):
            colour = _mix(palette[3], palette[4], layer / 2)
            x = -10.0
            while x < width:
                broad = random.uniform(0.09, 0.18) * width
                top = height * (0.34 + 0.16 * layer + random.uniform(0, 0.18))
                draw.rectangle((x, top, x + broad, height), fill=colour)
                if layer:
                    _windows(draw, random, (x, top, broad, height))
                x += broad + random.uniform(0, 6)
        return _finish(image, random)

    return paint


def colour_study(palette: Palette) -> Painter:
    """Overlapping discs and bars."""

    def paint(size: Size, random: np.random.Generator) -> Image.Image:
        width, height = size
        image = _vertical(size, [palette[0], _mix(palette[0], palette[2], 0.25)])
        shapes = (
            (0.5, 0.5, 0.3, 1),
            (0.3, 0.62, 0.19, 2),
            (0.68, 0.34, 0.16, 3),
            (0.7, 0.72, 0.1, 4),
        )
        for x, y, radius, index in shapes:
            layer = Image.new("RGBA", size, (0, 0, 0, 0))
            reach = radius * width
            _oval(
                ImageDraw.Draw(layer), x * width, y * height, reach, reach, (*palette[index], 215)
            )
            image = Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")
        draw = ImageDraw.Draw(image)
        for number in range(5):
            left = width * (0.08 + 0.17 * number)
            draw.rectangle(
                (left, height * 0.9, left + width * 0.15, height * 0.95), fill=palette[number]
            )
        draw.line((width * 0.12, height * 0.1, width * 0.88, height * 0.86), palette[4], 4)
        return _finish(image, random)

    return paint


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    mixed = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    red, green, blue = mixed
    return red, green, blue


def _vertical(size: Size, colours: Sequence[Colour]) -> Image.Image:
    width, height = size
    stops = np.linspace(0, 1, len(colours))
    rows = np.linspace(0, 1, height)
    column = np.stack(
        [np.interp(rows, stops, [colour[band] for colour in colours]) for band in range(3)], axis=-1
    )
    pixels = np.repeat(column[:, None, :], width, axis=1)
    return Image.fromarray(pixels.astype(np.uint8))


def _sky(size: Size, palette: Palette) -> Image.Image:
    width, height = size
    sky = _vertical((width, int(height * 0.66)), palette[:3])
    image = Image.new("RGB", size, palette[2])
    image.paste(sky, (0, 0))
    return image


def _glow(
    size: Size, light: Colour, middle: Colour, dark: Colour, centre: tuple[float, float]
) -> Image.Image:
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot(x / width - centre[0], y / height - centre[1])
    pixels = np.stack(
        [
            np.interp(distance, (0, 0.45, 1.0), (light[band], middle[band], dark[band]))
            for band in range(3)
        ],
        axis=-1,
    )
    return Image.fromarray(pixels.astype(np.uint8))


def _sun(image: Image.Image, place: tuple[float, float], radius: float, colour: Colour) -> None:
    """A disc with a halo, drawn into `image`."""
    width, height = image.size
    x, y, reach = place[0] * width, place[1] * height, radius * min(image.size)
    halo = Image.new("L", image.size, 0)
    _oval(ImageDraw.Draw(halo), x, y, reach * 2.2, reach * 2.2, 120)
    image.paste(colour, (0, 0), halo.filter(ImageFilter.GaussianBlur(reach)))
    _oval(ImageDraw.Draw(image), x, y, reach, reach, colour)


def _ridge(width: int, random: np.random.Generator, rough: float) -> np.ndarray:
    """A mountain line [width] in about 0..1: waves that get finer and flatter."""
    along = np.linspace(0, 1, width)
    line = np.zeros(width)
    for octave in range(1, 7):
        wave = 1.6**octave
        phase = random.uniform(0, 2 * np.pi)
        line += np.abs(np.sin(along * wave * np.pi + phase)) / octave**rough
    return line / line.max()


def _fill_below(image: Image.Image, line: np.ndarray, colour: Colour) -> None:
    width, height = image.size
    points = [(float(x), float(y)) for x, y in enumerate(line)]
    ImageDraw.Draw(image).polygon([(0, height), *points, (width, height)], fill=colour)


def _oval(
    draw: ImageDraw.ImageDraw, x: float, y: float, wide: float, high: float, fill: object
) -> None:
    draw.ellipse((x - wide, y - high, x + wide, y + high), fill=fill)


def _fir(draw: ImageDraw.ImageDraw, x: float, ground: float, tall: float, fill: Colour) -> None:
    for part in range(4):
        top = ground - tall + tall * 0.2 * part
        half = tall * (0.09 + 0.055 * part)
        draw.polygon([(x, top), (x - half, top + tall * 0.42), (x + half, top + tall * 0.42)], fill)


def _boat(draw: ImageDraw.ImageDraw, x: float, y: float, tall: float, fill: Colour) -> None:
    hull = [
        (x - tall * 0.5, y),
        (x + tall * 0.5, y),
        (x + tall * 0.32, y + tall * 0.18),
        (x - tall * 0.36, y + tall * 0.18),
    ]
    draw.polygon(hull, fill)
    draw.polygon([(x, y - tall), (x, y - tall * 0.06), (x + tall * 0.42, y - tall * 0.06)], fill)
    draw.polygon([(x - 4, y - tall * 0.8), (x - 4, y - 4), (x - tall * 0.3, y - 4)], fill)


def _windows(
    draw: ImageDraw.ImageDraw, random: np.random.Generator, tower: tuple[float, float, float, float]
) -> None:
    x, top, broad, bottom = tower
    for row in np.arange(top + 12, bottom - 8, 18):
        for column in np.arange(x + 8, x + broad - 12, 14):
            if random.uniform() < 0.38:
                draw.rectangle((column, row, column + 6, row + 9), (255, 214, 140))


def _finish(image: Image.Image, random: np.random.Generator, soften: float = 0.6) -> Image.Image:
    """Soft edges, a little grain and darker corners: flat drawings look dead in a grid."""
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(soften)), dtype=np.float32)
    height, width = pixels.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    shade = 1 - 0.16 * np.clip(x**2 + y**2 - 0.5, 0, 1.5)
    grain = random.normal(0, 3.0, (height, width, 1))
    return Image.fromarray(np.clip(pixels * shade[..., None] + grain, 0, 255).astype(np.uint8))
