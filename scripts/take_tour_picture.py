"""Takes docs/tour.png, the README's picture, from a running service, as a reader would see the tour.

    python scripts/take_tour_picture.py [http://127.0.0.1:8000]

Adds the three samples to a collection of its own, asks in two languages, opens a source, and deletes
the collection again. Needs /usr/bin/chromium, playwright and pillow.
"""

import json
import sys
from io import BytesIO
from pathlib import Path

import httpx
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "acceptance"))

from chat_page import INGEST_MS, ChatPage, chromium  # noqa: E402
from playwright.sync_api import expect  # noqa: E402

SAMPLES = ROOT / "docs" / "samples"
PICTURE = ROOT / "docs" / "tour.png"
COLLECTION = "alborz-station"
MOST_BYTES = 250_000


def take(url: str) -> bytes:
    questions = json.loads((SAMPLES / "questions.json").read_text(encoding="utf-8"))
    first = {language: next(q for q in questions if q["language"] == language) for language in ("en", "fa")}
    tickets = json.loads((SAMPLES / "tickets-zh.json").read_text(encoding="utf-8"))
    with chromium() as browser:
        page = browser.new_page(locale="en-GB", viewport={"width": 1360, "height": 820}, color_scheme="light")
        chat = ChatPage(page, url)
        chat.open()
        chat.new_collection(COLLECTION)
        try:
            sent = {**tickets, "collection": COLLECTION}
            httpx.post(f"{url}/ingest", json=sent).raise_for_status()
            page.reload()
            expect(chat.documents()).to_have_count(len(tickets["payloads"]), timeout=INGEST_MS)
            chat.upload(SAMPLES / "visitors-fa.html", SAMPLES / "handbook-en.pdf")
            for language in ("fa", "en"):
                chat.ask(first[language]["question"])
            # Earlier answers above the last: the reading column shows both directions at once.
            chat.turns.last.locator("button.marker").first.click()
            page.locator("#scroll").evaluate("node => { node.scrollTop = 0; }")
            expect(chat.panel.locator("mark.active").first).to_be_in_viewport()
            page.wait_for_timeout(800)  # the panel's smooth scrolling
            return page.screenshot()
        finally:
            httpx.delete(f"{url}/collections/{COLLECTION}")


def main() -> None:
    url = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000").rstrip("/")
    picture = Image.open(BytesIO(take(url))).convert("RGB").quantize(128)
    picture.save(PICTURE, optimize=True)
    size = PICTURE.stat().st_size
    print(f"{PICTURE.relative_to(ROOT)}: {picture.width}x{picture.height}, {size / 1000:.0f} kB")
    if size >= MOST_BYTES:
        sys.exit(f"the picture is too large: at most {MOST_BYTES / 1000:.0f} kB")


if __name__ == "__main__":
    main()
