"""Text of pictures, read by Tesseract: scanned pages, photographs of them."""

import importlib.util
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from indexes.errors import UnreadableDocument
from ingest.reflow import HAN, joined

LANGUAGES = {"Arabic": "fas", "Han": "chi_sim", "HanS": "chi_sim", "Latin": "eng"}  # by script
FOLDERS = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata")
DPI = 300
PIXELS = 25_000_000  # of one page at most: A3 at 300 dpi is 17 million
PICTURE_PIXELS = 100_000_000  # of a picture that is opened at all
CONFIDENCE = 35  # of 100, mean over the words: less is a photograph of something else
SURE = 1.0  # confidence from which the script that Tesseract detects is believed
MISSING = (
    "it is a picture of text, and no OCR is installed: install the extra 'ocr' and Tesseract's languages "
    "(apt-get install tesseract-ocr-fas tesseract-ocr-chi-sim tesseract-ocr-eng)"
)


SPACED_HAN = re.compile(f"(?<={HAN.pattern}) +(?={HAN.pattern})")  # Tesseract puts spaces between words


class Ocr(Protocol):
    def text(self, picture: Any) -> str:
        """Of a ``PIL.Image.Image``; empty where none is found."""


class FakeOcr:
    """Reads the same from any picture."""

    def __init__(self, text: str) -> None:
        self._text = text

    def text(self, picture: Any) -> str:
        assert picture.width > 0  # noqa: S101  a picture was really made
        return self._text


class Tesseract:
    """Chooses its language by the script that it sees; paragraphs come out as single lines."""

    def __init__(self, folder: Path, languages: Sequence[str]) -> None:
        self._folder = f"{folder}/"
        self._languages = [one for one in dict.fromkeys(LANGUAGES.values()) if one in languages]
        self._detects = "osd" in languages

    def text(self, picture: Any) -> str:
        from tesserocr import PSM, PyTessBaseAPI

        turn, language = self._script(picture)
        if turn:
            picture = picture.rotate(turn, expand=True, fillcolor="white")
        with PyTessBaseAPI(path=self._folder, lang=language, psm=PSM.AUTO) as api:
            api.SetImage(picture)
            read = api.GetUTF8Text()
            return paragraphs(read) if api.MeanTextConf() >= CONFIDENCE else ""

    def _script(self, picture: Any) -> tuple[int, str]:
        """By how many degrees to turn the picture to the left, and what to read it as."""
        from tesserocr import PSM, PyTessBaseAPI

        everything = "+".join(self._languages)
        if not self._detects:
            return 0, everything
        with PyTessBaseAPI(path=self._folder, lang="osd", psm=PSM.OSD_ONLY) as api:
            api.SetImage(picture)
            seen = api.DetectOrientationScript()
        if not seen:
            return 0, everything
        turn = seen["orient_deg"] if seen["orient_conf"] > SURE else 0
        language = LANGUAGES.get(seen["script_name"])
        if language not in self._languages or seen["script_conf"] < SURE:
            return turn, everything
        with_latin = "eng" in self._languages and language == "fas"  # the Chinese model knows Latin letters
        return turn, f"{language}+eng" if with_latin else language


def installed() -> Tesseract | None:
    """None where the extra ``ocr`` or Tesseract's languages are not on this machine."""
    if importlib.util.find_spec("tesserocr") is None or importlib.util.find_spec("PIL") is None:
        return None
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # its threads wait for each other longer than they gain
    for folder in _folders():
        languages = [file.stem for file in folder.glob("*.traineddata")]
        if set(languages) & set(LANGUAGES.values()):
            return Tesseract(folder, languages)
    return None


def _folders() -> list[Path]:
    named = os.environ.get("TESSDATA_PREFIX")
    found = [folder for pattern in FOLDERS for folder in Path("/").glob(pattern.lstrip("/"))]
    return [Path(named), *found] if named else found


def paragraphs(read: str) -> str:
    """Tesseract's lines, joined within each of its paragraphs."""
    read = re.sub("[\u200e\u200f\u202a-\u202e]", "", read)
    read = SPACED_HAN.sub("", read)
    made = []
    for paragraph in re.split(r"\n\s*\n", read.replace("\x0c", "")):
        lines = [line.strip() for line in paragraph.split("\n") if line.strip()]
        if lines:
            text = lines[0]
            for line in lines[1:]:
                text = joined(text, line)
            made.append(text)
    return "\n".join(made)


def pdf_page_text(page: Any, ocr: Ocr) -> str:
    """Of a ``pypdfium2.PdfPage`` as it would be printed."""
    width, height = page.get_size()  # points
    scale = min(DPI / 72, (PIXELS / max(1.0, width * height)) ** 0.5)
    bitmap = page.render(scale=scale, grayscale=True)
    try:
        return ocr.text(bitmap.to_pil())
    finally:
        bitmap.close()


def picture_text(content: bytes, ocr: Ocr | None) -> list[str]:
    """One text a frame of a PNG, JPEG or TIFF. Raises UnreadableDocument: scanned, corrupt_image."""
    if ocr is None:
        raise UnreadableDocument(MISSING, code="scanned")
    from PIL import Image, ImageSequence, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=["PNG", "JPEG", "TIFF"]) as opened:
            if opened.width * opened.height > PICTURE_PIXELS:
                raise UnreadableDocument(
                    f"it is larger than {PICTURE_PIXELS // 10**6} megapixels", code="corrupt_image"
                )
            return [ocr.text(_on_white(frame)) for frame in ImageSequence.Iterator(opened)]
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise UnreadableDocument(
            f"it is damaged and cannot be read ({str(error)[:200]})", code="corrupt_image"
        ) from error


def _on_white(frame: Any) -> Any:
    """In grey, small enough to be read soon."""
    from PIL import Image

    if "transparency" in frame.info or frame.mode in ("RGBA", "LA", "PA"):
        frame = frame.convert("RGBA")
        ground = Image.new("RGBA", frame.size, "white")
        ground.alpha_composite(frame)
        frame = ground
    grey = frame.convert("L")
    if grey.width * grey.height > PIXELS:
        share = (PIXELS / (grey.width * grey.height)) ** 0.5
        grey = grey.resize((int(grey.width * share), int(grey.height * share)))
    return grey
