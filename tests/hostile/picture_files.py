"""Pictures larger than they are, of nothing, or of noise."""

import io
import random
import struct
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from tests.hostile.parts import Hostile
from tests.hostile.seeds import seeds

HUGE = 100_000


def hostile_pictures() -> Iterator[Hostile]:
    honest = seeds()
    made = {
        "huge.png": partial(_png, HUGE, HUGE, b"\0" * 1000),
        "wide.png": partial(_png, 2_000_000_000, 1, b"\0" * 1000),
        "bomb.png": partial(_png, 9500, 9500, b"\0" * (9501 * 9500)),
        "colour-bomb.png": partial(_png, 9500, 9500, b"\0" * (4 * 9500 + 1) * 9500, 6),
        "short.png": partial(_png, 5000, 5000, b"\0" * 5000),
        "text-bomb.png": lambda: _with_chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * (64 << 20), 9)),
        "profile-bomb.png": lambda: _with_chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * (64 << 20), 9)),
        "chunk-of-two-gigabytes.png": lambda: honest["png"].replace(b"IDAT", b"\x7f\xff\xff\xffIDAT"),
        "chunks.png": lambda: honest["png"][:33] + b"\0\0\0\0tEXt\0\0\0\0" * 100_000,
        "frames.png": lambda: _with_chunk(b"acTL", struct.pack(">II", 2_000_000_000, 0)),
        "noise.png": partial(_noise, "PNG", (2500, 2500)),
        "noise.tif": partial(_noise, "TIFF", (2500, 2500)),
        "noise.jpg": partial(_noise, "JPEG", (2000, 2000)),
        "stripes.png": partial(_stripes, 3000),
        "dots.png": partial(_dots, 3000),
        "boxes.png": partial(_boxes, 3000),
        "blank.tif": lambda: _saved(_image((5000, 5000), 255), "TIFF"),
        "black.jpg": lambda: _saved(_image((5000, 5000), 0), "JPEG"),
        "one-pixel.png": lambda: _saved(_image((1, 1), 0), "PNG"),
        "thin.png": lambda: _saved(_image((30_000, 2), 128), "PNG"),
        "frames.tif": lambda: _frames(300),
        "some-frames.tif": lambda: _frames(150),
        "directory-in-a-circle.tif": lambda: _tiff(
            {256: 10, 257: 10, 259: 1, 262: 1, 273: 8, 279: 100}, following=8
        ),
        "huge.tif": lambda: _tiff({256: 2**31, 257: 2**31, 259: 1, 262: 1, 273: 8, 279: 100}),
        "strips.tif": lambda: _tiff({256: 9000, 257: 9000, 259: 5, 262: 1, 273: 8, 279: 2**31}),
        "fax.tif": lambda: _tiff({256: 9000, 257: 9000, 258: 1, 259: 4, 262: 1, 273: 8, 279: 100}),
        "entries.tif": lambda: b"II*\0\x08\0\0\0" + b"\xff\xff" + b"\xff" * 2000,
        "huge.jpg": lambda: _dimensions(honest["jpg"], 65_535, 65_535),
        "scans.jpg": lambda: _scans(honest["jpg"]),
        "markers.jpg": lambda: b"\xff\xd8" + b"\xff\xe1\xff\xff" * 20_000,
        "restarts.jpg": lambda: honest["jpg"][:-2] + b"\xff\xd0" * 200_000,
    }
    for name, content in made.items():
        yield Hostile(name, content)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _png(width: int, height: int, data: bytes, colour: int = 0) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + _chunk(b"IDAT", zlib.compress(data, 9)) + _chunk(b"IEND", b"")


def _with_chunk(name: bytes, content: bytes) -> bytes:
    honest = seeds()["png"]
    return honest[:33] + _chunk(name, content) + honest[33:]


def _image(size: tuple[int, int], colour: int) -> Any:
    from PIL import Image

    return Image.new("L", size, colour)


def _saved(picture: Any, form: str, **more: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **more)
    return out.getvalue()


def _noise(form: str, size: tuple[int, int]) -> bytes:
    from PIL import Image

    return _saved(Image.frombytes("L", size, random.Random(2).randbytes(size[0] * size[1])), form)


def _stripes(side: int) -> bytes:
    from PIL import Image

    return _saved(Image.frombytes("L", (side, side), b"\x00\xff" * (side * side // 2)), "PNG")


def _dots(side: int) -> bytes:
    """A speck every eight pixels."""
    from PIL import Image

    row, blank = (b"\0\0" + b"\xff" * 6) * (side // 8), b"\xff" * side
    return _saved(
        Image.frombytes("L", (side // 8 * 8, side // 8 * 8), (row * 2 + blank[: len(row)] * 6) * (side // 8)),
        "PNG",
    )


def _boxes(side: int) -> bytes:
    """Rectangles of the size of letters, thousands of them, in no line."""
    from PIL import ImageDraw

    picture = _image((side, side), 255)
    draw, luck = ImageDraw.Draw(picture), random.Random(3)
    for _ in range(20_000):
        x, y = luck.randrange(side), luck.randrange(side)
        draw.rectangle((x, y, x + luck.randrange(4, 24), y + luck.randrange(4, 24)), outline=0)
    return _saved(picture, "PNG")


def _frames(count: int) -> bytes:
    frames = [_image((8, 8), 255) for _ in range(count)]
    return _saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])


def _tiff(entries: dict[int, int], following: int = 0) -> bytes:
    made = b"".join(
        struct.pack("<HHII", tag, 4, 1, value & 0xFFFFFFFF) for tag, value in sorted(entries.items())
    )
    return (
        b"II*\0\x08\0\0\0"
        + struct.pack("<H", len(entries))
        + made
        + struct.pack("<I", following)
        + b"\0" * 200
    )


def _dimensions(content: bytes, width: int, height: int) -> bytes:
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def _scans(content: bytes) -> bytes:
    """Its one scan a thousand times."""
    at = content.index(b"\xff\xda")
    return content[:at] + content[at:-2] * 1000 + content[-2:]
