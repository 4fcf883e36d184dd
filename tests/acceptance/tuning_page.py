"""The tuning page as an owner uses it."""

from typing import Any

from chat_page import Watch, visit
from playwright.sync_api import Locator, Page, expect

BEGUN_MS = 120_000
ENDED_MS = 240_000
# A page looks whenever it is shown anew, and so as often as is wanted; kept is how many points were drawn.
LOOK_OFTEN = """() => { window.drawn = new Set(); window.looking = setInterval(() => {
    document.dispatchEvent(new Event("visibilitychange"));
    const line = document.querySelector(".curve .trained polyline");
    if (line) window.drawn.add(line.points.numberOfItems); }, 500); }"""


class TuningPage:
    """Fields and buttons by their names, as a screen reader says them."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = f"{url.rstrip('/')}/tuning"
        self.watch = Watch(page, url)
        self.status = page.locator(".training .status")

    def open(self, training: str | None = None) -> None:
        visit(self.page, self.url if training is None else f"{self.url}#{training}")
        expect(self.page.locator("#trainings li, #shelf-note:visible")).not_to_have_count(0)

    def start(self, name: str, content: bytes, *, force: bool = True, **settings: float) -> None:
        """``settings``: by their labels, with a `_` for a blank."""
        self.page.get_by_role("link", name="New training").click()
        self.page.locator("#examples").set_input_files(file("rows.jsonl", content))  # type: ignore[arg-type]
        self.page.get_by_label("Name of the adapter").fill(name)
        self.page.get_by_label("A skill").check()
        self.page.get_by_text("Settings", exact=True).click()
        for label, value in settings.items():
            self.page.get_by_label(label.replace("_", " ")).fill(str(value))
        self.page.get_by_label("Train even on fewer").set_checked(force)
        self.page.get_by_role("button", name="Start the training").click()
        expect(self.page.get_by_role("heading", name=name, exact=True)).to_be_visible()

    @property
    def training(self) -> str:
        """The id of what is shown."""
        return str(self.page.evaluate("location.hash.slice(1)"))

    def row(self, name: str) -> Locator:
        return self.page.locator("#trainings li").filter(has_text=name)


def file(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}
