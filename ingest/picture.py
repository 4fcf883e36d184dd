"""Pictures of text as documents: each frame is a page."""

import io
from typing import Any

from indexes.errors import UnreadableDocument
from ingest.hidden import clean
from ingest.kinds import Kind
from ingest.ocr import INSTALL, PIXELS, Ocr
from ingest.records import Extracted

LARGEST = 100_000_000  # pixels of a picture that is opened at all
FRAMES = 200
PAGE_BREAK = "\n\n"


def extract_picture(content: bytes, kind: Kind, ocr: Ocr | None) -> Extracted:
    """Raises UnreadableDocument: scanned, corrupt_image, too_many_pages, no_text."""
    if ocr is None:
        raise UnreadableDocument(f"it is a picture of text. {INSTALL}", code="scanned")
    pages = _texts(content, ocr)
    if not any(pages):
        raise UnreadableDocument("no text was seen in the picture", code="no_text")
    starts, at = [], 0
    for page in pages:
        starts.append(at)
        at += len(page) + len(PAGE_BREAK)
    return Extracted(text=PAGE_BREAK.join(pages), title=None, kind=kind, page_starts=starts)


def _texts(content: bytes, ocr: Ocr) -> list[str]:
    from PIL import Image, ImageSequence

    try:
        with Image.open(io.BytesIO(content), formats=["PNG", "JPEG", "TIFF"]) as opened:
            if getattr(opened, "n_frames", 1) > FRAMES:
                raise UnreadableDocument(f"it has more than {FRAMES} frames: split it", code="too_many_pages")
            texts = []
            for frame in ImageSequence.Iterator(opened):
                if frame.width * frame.height > LARGEST:
                    raise UnreadableDocument(
                        f"it is larger than {LARGEST // 10**6} megapixels", code="corrupt_image"
                    )
                texts.append(clean(ocr.text(_on_white(frame))).strip())
            return texts
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
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
