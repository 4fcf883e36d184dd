"""Text of pictures, read by Tesseract: scanned pages, photographs of them."""

import importlib.util
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from ingest.reflow import HAN, joined

LANGUAGES = {"Arabic": "fas", "Han": "chi_sim", "HanS": "chi_sim", "Latin": "eng"}  # by script
FOLDERS = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata")
DPI = 300
PIXELS = 25_000_000  # of one page at most: A3 at 300 dpi is 17 million
LEAST_SIDE = 10  # pixels: letters that are lower cannot be told apart
ROWS = 1000  # of a picture that are looked at
STREWN = 0.35  # share of neighbours that differ; on dense text of one-pixel strokes a fifth do
CONFIDENCE = 35  # of 100, mean over the words: less is a photograph of something else
# Confidences from which Tesseract is believed about a page's script and direction.
SURE, UNKNOWN, TURNED = 0.5, 2.0, 2.0
PURE = 20.0  # from here on no other script is looked for, which costs time and letters
INSTALL = (
    "To have it read, install the extra 'ocr' and Tesseract's languages (apt-get install tesseract-ocr "
    "tesseract-ocr-fas tesseract-ocr-chi-sim)"
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

        if not may_hold_text(picture):
            return ""
        turn, languages = self._script(picture)
        if not languages:
            return ""  # letters it does not know would come out as wrong ones
        if turn:
            picture = picture.rotate(turn, expand=True, fillcolor="white")
        with PyTessBaseAPI(path=self._folder, lang="+".join(languages), psm=PSM.AUTO) as api:
            api.SetImage(picture)
            api.SetSourceResolution(DPI)
            read = api.GetUTF8Text()
            return paragraphs(read) if api.MeanTextConf() >= CONFIDENCE else ""

    def _script(self, picture: Any) -> tuple[int, list[str]]:
        """By how many degrees to turn the picture to the left, and the languages to read it in."""
        from tesserocr import PSM, PyTessBaseAPI

        if not self._detects:
            return 0, self._languages
        with PyTessBaseAPI(path=self._folder, lang="osd", psm=PSM.OSD_ONLY) as api:
            api.SetImage(picture)
            api.SetSourceResolution(DPI)
            seen = api.DetectOrientationScript()
        if not seen:
            return 0, self._languages
        turn = seen["orient_deg"] if seen["orient_conf"] > TURNED else 0
        script, sure = seen["script_name"], seen["script_conf"]
        if script not in LANGUAGES:
            return turn, [] if sure > UNKNOWN else self._languages
        mixed = (
            script == "Arabic" and sure < PURE
        )  # the Chinese model knows Latin letters, the Persian does not
        wanted = [LANGUAGES[script], "eng"] if mixed else [LANGUAGES[script]]
        known = [one for one in wanted if one in self._languages]
        return turn, known if known and sure > SURE else self._languages


def may_hold_text(picture: Any) -> bool:
    """``picture`` is in grey. On a page of text black and white change seldom along a row; noise and rasters,
    in which they change at every second or third pixel, would take Tesseract minutes and gigabytes."""
    import numpy as np

    if min(picture.size) < LEAST_SIDE:
        return False
    rows = np.asarray(picture)[:: max(1, picture.height // ROWS)]
    dark = rows < (int(rows.min()) + int(rows.max())) / 2
    return float((dark[:, 1:] != dark[:, :-1]).mean()) < STREWN


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
