"""Vignette, paper grain and caption of a finished picture."""

from __future__ import annotations

import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageStat

from liangxin_nb.sandbox.painter.canvas import SMOOTH, dimmed, halo

CAPTION = "sandbox drawing"
GRAIN = 1.8  # largest change of a channel, in 8-bit levels: more increases the file size


def finish(image: Image.Image, rng: random.Random) -> Image.Image:
    """Add vignette, grain and caption to a picture of the final size."""
    return add_caption(add_grain(add_vignette(image), rng))


def add_vignette(image: Image.Image, strength: float = 0.24) -> Image.Image:
    """Darken the corners a little."""
    # The halo's box is cut well inside its rim so that the corners never reach black.
    soft = halo(0.8).resize(image.size, SMOOTH, box=(34, 34, 222, 222))
    lens = soft.point([round(255 - strength * max(0, 150 - i) * 1.7) for i in range(256)])
    return ImageChops.multiply(image, Image.merge("RGB", (lens, lens, lens)))


def add_grain(image: Image.Image, rng: random.Random) -> Image.Image:
    """Add fine luminance grain, which also hides the steps of wide gradients."""
    w, h = image.size
    noise = Image.frombytes("L", image.size, rng.randbytes(w * h))
    up = noise.point([round(max(0.0, (i - 128) / 128) * GRAIN) for i in range(256)])
    down = noise.point([round(max(0.0, (128 - i) / 128) * GRAIN) for i in range(256)])
    lighter = ImageChops.add(image, Image.merge("RGB", (up, up, up)))
    return ImageChops.subtract(lighter, Image.merge("RGB", (down, down, down)))


def add_caption(image: Image.Image) -> Image.Image:
    """Write the caption in the lower right corner, in a colour with enough contrast."""
    box, font = _caption_box(image.size)
    ink = Image.new("L", image.size)
    ImageDraw.Draw(ink).text((box[0], box[1]), CAPTION, font=font, fill=255, anchor="lt")
    bright = ImageStat.Stat(image.crop(box).convert("L")).mean[0] > 150
    text, aura = ((24, 26, 34), (255, 255, 255)) if bright else ((255, 252, 244), (0, 0, 0))
    margin = box[3] - box[1]
    area = box[0] - margin, box[1] - margin, image.width, image.height
    ink = ink.crop(area)
    # A blurred shadow of the opposite tone keeps the text readable on a busy background.
    shadow = ink.filter(ImageFilter.GaussianBlur(max(1.0, margin / 4)))
    image.paste(aura, area, dimmed(shadow, 0.55))
    image.paste(text, area, dimmed(ink, 0.82))
    return image


def _caption_box(
    size: tuple[int, int],
) -> tuple[tuple[int, int, int, int], ImageFont.FreeTypeFont | ImageFont.ImageFont]:
    short = min(size)
    points = max(9.0, short * 0.019)
    font = ImageFont.load_default(size=points)
    wide = font.getbbox(CAPTION)[2]
    if wide > size[0] * 0.8:
        points = max(4.0, points * size[0] * 0.8 / wide)
        font = ImageFont.load_default(size=points)
    wide, tall = round(font.getbbox(CAPTION)[2]), round(points)
    left = size[0] - wide - round(short * 0.025)
    top = size[1] - tall - round(short * 0.02)
    return (max(0, left), max(0, top), max(0, left) + wide, max(0, top) + tall), font
