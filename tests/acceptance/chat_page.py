"""The chat page as a reader uses it, in Debian's Chromium: shared by its test and by the tour's picture."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    expect,
    sync_playwright,
)

CHROMIUM = Path("/usr/bin/chromium")
# One that sends nothing of its own: no updates, no background requests, no QUIC.
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-component-update", "--disable-background-networking", "--disable-sync", "--hide-scrollbars",
]  # fmt: skip
ANSWER_MS = 120_000  # a small model on two cores, its engine just started
INGEST_MS = 120_000
# A network interface that comes or goes on this machine, a container's say, makes Chromium drop every
# connection that it is just opening, to the loopback too: no fault of a page.
INTERFACES = "net::ERR_NETWORK_CHANGED"


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def visit(page: Page, url: str) -> None:
    """Go to ``url``, and again if a part of it was lost to a change of the machine's network interfaces."""
    lost: list[str] = []

    def note(request: Request) -> None:
        if request.failure == INTERFACES:
            lost.append(request.url)

    page.on("requestfailed", note)
    try:
        for _ in range(3):
            lost.clear()
            try:
                page.goto(url)
            except Error as error:
                if INTERFACES not in str(error):
                    raise
                continue
            if not lost:
                return
    finally:
        page.remove_listener("requestfailed", note)
    raise AssertionError(f"{url}: the network interfaces changed in each of three tries")


class Watch:
    """What must not happen on any page: console errors, page errors, requests to another host."""

    def __init__(self, page: Page, url: str) -> None:
        self.host = urlsplit(url).netloc
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and INTERFACES not in message.text:
            self.errors.append(message.text)

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("blob", "data") and parts.netloc != self.host:
            self.elsewhere.append(request.url)

    def forgive(self, status: int) -> None:
        """Chromium logs every refused request: those that a test asks for are no fault of the page."""
        self.errors = [error for error in self.errors if f"status of {status}" not in error]


class ChatPage:
    """Buttons by their names, as a screen reader says them."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url.rstrip("/")
        self.watch = Watch(page, self.url)
        self.turns = page.locator(".turn")
        self.panel = page.get_by_role("complementary", name="Sources")
        self.question = page.get_by_role("textbox", name="Ask your documents")
        self.stop = page.get_by_role("button", name="Stop", exact=True)

    def open(self) -> None:
        visit(self.page, self.url + "/")
        expect(self.page.locator("#collection option")).not_to_have_count(0, timeout=30_000)

    def new_collection(self, name: str) -> None:
        self.page.get_by_role("button", name="New collection").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("textbox").fill(name)
        dialog.get_by_role("button", name="Create").click()
        expect(dialog).to_be_hidden()
        expect(self.page.get_by_label("Collection", exact=True)).to_have_value(name)

    def upload(self, *files: Path | dict[str, Any]) -> None:
        """Hand files over and wait until every one is on the shelf."""
        before = self.documents().count()
        self.page.locator("#files").set_input_files(list(files))  # type: ignore[arg-type]
        expect(self.documents()).to_have_count(before + len(files), timeout=INGEST_MS)
        expect(self.page.locator("#uploads li")).to_have_count(0, timeout=INGEST_MS)

    def documents(self) -> Locator:
        return self.page.locator("#documents li")

    def send(self, question: str) -> Locator:
        """Ask, and return the turn at once: its answer is still being written."""
        count = self.turns.count()
        self.question.fill(question)
        self.question.press("Enter")
        expect(self.turns).to_have_count(count + 1)
        return self.turns.last

    def ask(self, question: str) -> Locator:
        """Ask, and return the turn with its whole answer."""
        turn = self.send(question)
        expect(turn).not_to_have_attribute("aria-busy", "true", timeout=ANSWER_MS)
        return turn
