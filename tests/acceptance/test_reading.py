"""A document's text as a reader sees it in Chromium: the cited words in view, in the text's own direction."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from chat_page import Watch, visit
from playwright.sync_api import Browser, Page, ViewportSize, expect
from pydantic import SecretStr

from tests.support.api import Server, make_settings, served
from tests.support.worker import Worker

KEY = "a-key-of-twenty-characters"
FILLER = {
    "fa": "این بند دربارهٔ باغ‌های قدیمی شهر است و چیزی از کشتی نمی‌گوید. ",
    "zh": "这一段讲的是城里的老花园，与渡轮无关。",
    "en": "This paragraph is about the old gardens of the city, and says nothing of ships. ",
}
QUOTES = {
    "fa": "قایق هر روز ظهر از اسکلهٔ ۳ به سوی جزیره می‌رود.",
    "zh": "渡轮每天中午从3号码头开往岛上。",
    "en": "The ferry leaves pier 3 for the island at noon, every day.",
}
HOSTILE = '<img src="https://evil.example/x.png"><script>window.hurt=1</script>'
SHOTS = os.environ.get("SIMURGH_SHOTS")  # a folder to keep pictures in, to look at


@pytest.fixture(scope="module", params=["open", "keyed"])
def site(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    empty_database: Path,
    worker: Worker,
) -> Iterator[Server]:
    """A service that holds a document in each language, with and without a key."""
    key = SecretStr(KEY) if request.param == "keyed" else None
    settings = make_settings(tmp_path_factory.mktemp("reading"), empty_database, api_key=key)
    with served(settings, worker) as server:
        for language, filler in FILLER.items():
            before = "\n\n".join(f"{number}. {filler * 3}" for number in range(40))
            text = f"{before}\n\n{QUOTES[language]} {HOSTILE}\n\n{before}"
            file = (f"{language}.txt", text.encode(), "text/plain")
            server.http.post("/ingest", files=[("file", file)]).raise_for_status()
        worker.work(server.service)
        yield server


def place(site: Server, language: str) -> tuple[str, int, int]:
    listed = site.http.get("/documents").json()["data"]
    [document_id] = [one["document_id"] for one in listed if one["name"] == f"{language}.txt"]
    text = site.http.get(f"/documents/{document_id}/text").content.decode()
    start = text.index(QUOTES[language])
    return document_id, start, start + len(QUOTES[language])


def keep(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png")


def check(page: Page, language: str) -> None:
    """The quotation marked, in view, and in its own direction; nothing of the document rendered."""
    mark = page.locator("#span")
    expect(mark).to_have_text(QUOTES[language])
    expect(mark).to_be_in_viewport(ratio=1)
    side = mark.evaluate("node => getComputedStyle(node.closest('p')).direction")
    assert side == ("rtl" if language == "fa" else "ltr")
    expect(page.locator("main")).to_contain_text(HOSTILE)
    assert page.locator("img, script").count() == 0
    family = page.locator("body").evaluate("node => getComputedStyle(node).backgroundColor")
    assert family in ("rgb(250, 248, 243)", "rgb(21, 25, 26)")  # the stylesheet was let in


@pytest.mark.browser
@pytest.mark.parametrize("language", list(QUOTES))
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_citation_is_in_view(
    browser: Browser, site: Server, language: str, scheme: Literal["light", "dark"]
) -> None:
    document_id, start, end = place(site, language)
    address = f"{site.url}/documents/{document_id}/view?start={start}&end={end}"
    headers = {"Authorization": f"Bearer {KEY}"}
    locale = {"fa": "fa-IR", "zh": "zh-CN", "en": "en-GB"}[language]
    view = ViewportSize(width=900, height=640)
    with browser.new_context(
        locale=locale, color_scheme=scheme, extra_http_headers=headers, viewport=view
    ) as context:
        page = context.new_page()
        watch = Watch(page, site.url)
        for fragment in ("#span", ""):  # by the link's fragment, and by the focus alone
            page.goto("about:blank")
            visit(page, address + fragment)
            check(page, language)
        keep(page, f"view-{language}-{scheme}")
        assert page.evaluate("window.hurt") is None
        assert not watch.errors
        assert not watch.elsewhere
    with browser.new_context(java_script_enabled=False, extra_http_headers=headers) as context:
        page = context.new_page()
        visit(page, f"{address}#span")
        expect(page.locator("#span")).to_be_in_viewport()


@pytest.mark.browser
@pytest.mark.parametrize("language", ["fa", "zh"])
def test_the_chat_page_opens_it(browser: Browser, site: Server, language: str) -> None:
    keyed = site.service.settings.api_key is not None
    with browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        if keyed:
            page.add_init_script(f"sessionStorage.setItem('simurgh.key', '{KEY}')")
        visit(page, site.url)
        expect(page.locator("#documents li")).to_have_count(3)
        page.get_by_role("textbox", name="Ask your documents").fill(QUOTES[language])
        page.keyboard.press("Enter")
        turn = page.locator(".turn")
        expect(turn.locator(".facts")).to_be_visible(timeout=30_000)
        turn.locator(".card").first.click()
        keep(page, f"panel-{language}")
        with context.expect_page() as opened:
            page.locator("#sources").get_by_role("link", name="Read it in the document").first.click()
        reading = opened.value
        expect(reading.locator("#span")).to_be_in_viewport(timeout=15_000)
        assert reading.url.startswith("blob:" if keyed else site.url)
        assert reading.evaluate("window.hurt") is None
        keep(reading, f"opened-{language}-{'keyed' if keyed else 'open'}")
        with reading.expect_download() if not keyed else page.expect_download() as saved:
            reading.get_by_role("link", name="Original file").click()
        assert f"{FILLER[language]}".strip() in saved.value.path().read_text(encoding="utf-8")
