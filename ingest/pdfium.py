"""PDFium's text layer by batches: every character of a page, and the objects that drew it.

Plain addresses go in and out, so a call costs a third of what the typed bindings cost; each array is
filled in one loop. All lengths are points in the page's own coordinates, y upwards.
"""

import codecs
import ctypes
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

MAX_OBJECTS = 200_000  # of one page; more is a drawing, not a text
MAX_DEPTH = 8  # forms within forms
MAX_MARKS = 16
TEXT, FORM = 1, 5  # FPDF_PAGEOBJ_*
REVERSED = "ReversedChars"


class Mark(NamedTuple):
    """Marked content around an object; ``identity`` is the same for all objects between BDC and EMC."""

    identity: int
    name: str
    actual_text: str | None


class TextObject(NamedTuple):
    identity: int
    x: float  # origin of the first glyph
    y: float
    left: float  # of the ink; nothing drawn has no width
    right: float
    size: float
    order: int  # place in the content stream
    marks: tuple[Mark, ...]


@dataclass(frozen=True, kw_only=True)
class Characters:
    """``origins`` (n, 2), ``boxes`` (n, 4: left, top, right, bottom; as wide as the advance)."""

    codes: list[int]
    objects: list[int]  # identity of the TextObject, 0 for what PDFium made up
    origins: npt.NDArray[np.float64]
    boxes: npt.NDArray[np.float32]


class Layer:
    """The text layer of one open page (``pypdfium2.PdfPage``)."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._text = page.get_textpage()
        self._at = ctypes.cast(self._text.raw, ctypes.c_void_p).value
        self._names: dict[int, Mark] = {}
        self._buffer = (ctypes.c_ubyte * 256)()
        self._length = ctypes.c_ulong()
        call = _functions()
        self._call = call
        self.count = max(0, call["FPDFText_CountChars"](self._at))

    def close(self) -> None:
        self._text.close()

    def codes(self) -> list[int]:
        read, at = self._call["FPDFText_GetUnicode"], self._at
        codes = [read(at, number) for number in range(self.count)]
        return (
            [code if code < 0x110000 else 0 for code in codes] if max(codes, default=0) > 0x10FFFF else codes
        )

    def boxes(self) -> npt.NDArray[np.float32]:
        boxes = np.zeros((self.count, 4), np.float32)
        start, read, at = boxes.ctypes.data, self._call["FPDFText_GetLooseCharBox"], self._at
        for number in range(self.count):
            read(at, number, start + 16 * number)
        return boxes

    def characters(self) -> Characters:
        origins = np.zeros((self.count, 2))
        start, read, at = origins.ctypes.data, self._call["FPDFText_GetCharOrigin"], self._at
        for number in range(self.count):
            read(at, number, start + 16 * number, start + 16 * number + 8)
        owner = self._call["FPDFText_GetTextObject"]
        objects = [owner(at, number) or 0 for number in range(self.count)]
        return Characters(codes=self.codes(), objects=objects, origins=origins, boxes=self.boxes())

    def box(self, number: int) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        box = (ctypes.c_float * 4)()
        self._call["FPDFText_GetLooseCharBox"](self._at, number, ctypes.addressof(box))
        return box[0], box[1], box[2], box[3]

    def origin(self, number: int) -> tuple[float, float]:
        place = (ctypes.c_double * 2)()
        start = ctypes.addressof(place)
        self._call["FPDFText_GetCharOrigin"](self._at, number, start, start + 8)
        return place[0], place[1]

    def size(self, number: int) -> float:
        """Of the font as it was drawn."""
        matrix = (ctypes.c_float * 6)()
        self._call["FPDFText_GetMatrix"](self._at, number, ctypes.addressof(matrix))
        size = self._call["FPDFText_GetFontSize"](self._at, number)
        return float(abs(size) * math.hypot(matrix[2], matrix[3]))

    def generated(self, number: int) -> bool:
        """Whether PDFium made this character up from the layout."""
        return bool(self._call["FPDFText_IsGenerated"](self._at, number) == 1)

    def angle(self, number: int) -> float:
        """Of the baseline, in radians."""
        return float(self._call["FPDFText_GetCharAngle"](self._at, number))

    def text_objects(self) -> Iterator[TextObject]:
        page = ctypes.cast(self._page.raw, ctypes.c_void_p).value
        call = self._call
        at_page = _Level(
            count=call["FPDFPage_CountObjects"](page),
            get=partial(call["FPDFPage_GetObject"], page),
            matrix=_IDENTITY,
        )
        for order, (found, matrix) in enumerate(self._walk(at_page, MAX_DEPTH)):
            if order >= MAX_OBJECTS:
                return
            yield self._text_object(found, matrix, order)

    def _walk(self, level: "_Level", depth: int) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
        call = self._call
        for number in range(level.count):
            found = level.get(number)
            kind = call["FPDFPageObj_GetType"](found) if found else 0
            if kind == TEXT:
                yield found, level.matrix
            elif kind == FORM and depth:
                inner = _Level(
                    count=call["FPDFFormObj_CountObjects"](found),
                    get=partial(call["FPDFFormObj_GetObject"], found),
                    matrix=self._matrix(found) @ level.matrix,
                )
                yield from self._walk(inner, depth - 1)

    def _text_object(self, found: int, matrix: npt.NDArray[np.float64], order: int) -> TextObject:
        call = self._call
        own = (ctypes.c_float * 6)()
        call["FPDFPageObj_GetMatrix"](found, ctypes.addressof(own))
        box = (ctypes.c_float * 4)()  # left, bottom, right, top
        start = ctypes.addressof(box)
        call["FPDFPageObj_GetBounds"](found, start, start + 4, start + 8, start + 12)
        size = ctypes.c_float()
        call["FPDFTextObj_GetFontSize"](found, ctypes.addressof(size))
        x, y, left, right = own[4], own[5], box[0], box[2]
        height = size.value * (own[2] ** 2 + own[3] ** 2) ** 0.5
        if matrix is not _IDENTITY:
            corners = np.array([[x, y, 1], [left, box[1], 1], [right, box[3], 1]]) @ matrix
            (x, y), (left, right) = corners[0, :2].tolist(), sorted(corners[1:, 0].tolist())
            height *= float(np.hypot(matrix[1, 0], matrix[1, 1]))
        marks = tuple(
            self._mark(call["FPDFPageObj_GetMark"](found, number))
            for number in range(min(call["FPDFPageObj_CountMarks"](found), MAX_MARKS))
        )
        return TextObject(found, x, y, left, right, abs(height), order, marks)

    def _matrix(self, found: int) -> npt.NDArray[np.float64]:
        own = (ctypes.c_float * 6)()
        self._call["FPDFPageObj_GetMatrix"](found, ctypes.addressof(own))
        a, b, c, d, e, f = own
        return np.array([[a, b, 0], [c, d, 0], [e, f, 1]])

    def _mark(self, identity: int) -> Mark:
        mark = self._names.get(identity)
        if mark is None:
            call, into, size = self._call, ctypes.addressof(self._buffer), ctypes.sizeof(self._buffer)
            length = ctypes.addressof(self._length)
            read = call["FPDFPageObjMark_GetName"](identity, into, size, length)
            name = self._bytes()[:-2].decode("utf-16-le", "ignore") if read else ""
            # As a string PDFium would take it for UTF-8, whatever its byte order mark says.
            read = call["FPDFPageObjMark_GetParamBlobValue"](identity, b"ActualText", into, size, length)
            mark = self._names[identity] = Mark(identity, name, _text_string(self._bytes()) if read else None)
        return mark

    def _bytes(self) -> bytes:
        size = self._length.value
        if size > ctypes.sizeof(self._buffer):
            return b""  # longer than any run of letters: a description, not a text
        return bytes(self._buffer)[:size]


def _text_string(content: bytes) -> str:
    """A PDF's text string: UTF-16 or UTF-8 by its byte order mark, else (nearly) Latin-1."""
    if content.startswith(codecs.BOM_UTF16_BE):
        return content[2:].decode("utf-16-be", "ignore")
    if content.startswith(codecs.BOM_UTF16_LE):
        return content[2:].decode("utf-16-le", "ignore")
    if content.startswith(codecs.BOM_UTF8):
        return content[3:].decode("utf-8", "ignore")
    return content.decode("latin-1")


@dataclass(frozen=True, kw_only=True)
class _Level:
    count: int
    get: Callable[[int], int]
    matrix: npt.NDArray[np.float64]


_IDENTITY = np.eye(3)
_POINTER, _INT = ctypes.c_void_p, ctypes.c_int
_SIGNATURES: dict[str, tuple[Any, ...]] = {  # result, then arguments
    "FPDFText_CountChars": (_INT, _POINTER),
    "FPDFText_GetUnicode": (ctypes.c_uint, _POINTER, _INT),
    "FPDFText_GetLooseCharBox": (_INT, _POINTER, _INT, _POINTER),
    "FPDFText_GetCharOrigin": (_INT, _POINTER, _INT, _POINTER, _POINTER),
    "FPDFText_GetTextObject": (_POINTER, _POINTER, _INT),
    "FPDFText_IsGenerated": (_INT, _POINTER, _INT),
    "FPDFText_GetMatrix": (_INT, _POINTER, _INT, _POINTER),
    "FPDFText_GetFontSize": (ctypes.c_double, _POINTER, _INT),
    "FPDFText_GetCharAngle": (ctypes.c_float, _POINTER, _INT),
    "FPDFPage_CountObjects": (_INT, _POINTER),
    "FPDFPage_GetObject": (_POINTER, _POINTER, _INT),
    "FPDFFormObj_CountObjects": (_INT, _POINTER),
    "FPDFFormObj_GetObject": (_POINTER, _POINTER, ctypes.c_ulong),
    "FPDFPageObj_GetType": (_INT, _POINTER),
    "FPDFPageObj_GetMatrix": (_INT, _POINTER, _POINTER),
    "FPDFPageObj_GetBounds": (_INT, _POINTER, *[_POINTER] * 4),
    "FPDFTextObj_GetFontSize": (_INT, _POINTER, _POINTER),
    "FPDFPageObj_CountMarks": (_INT, _POINTER),
    "FPDFPageObj_GetMark": (_POINTER, _POINTER, ctypes.c_ulong),
    "FPDFPageObjMark_GetName": (_INT, _POINTER, _POINTER, ctypes.c_ulong, _POINTER),
    "FPDFPageObjMark_GetParamBlobValue": (
        _INT,
        _POINTER,
        ctypes.c_char_p,
        _POINTER,
        ctypes.c_ulong,
        _POINTER,
    ),
}


@cache
def _functions() -> dict[str, Callable[..., Any]]:
    """The library's functions with plain addresses for arguments; the bindings' own stay as they are."""
    from pypdfium2_raw import bindings

    made: dict[str, Callable[..., Any]] = {}
    for name, (result, *arguments) in _SIGNATURES.items():
        function = bindings._libs["pdfium"][name]
        function.restype, function.argtypes = result, arguments
        made[name] = function
    return made
