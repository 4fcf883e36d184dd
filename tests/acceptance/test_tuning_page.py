"""The tuning page in a real Chromium, against the real routes and real trainings of a base small enough."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chat_page import visit
from playwright.sync_api import Browser, Route, expect
from tuning_page import BEGUN_MS, ENDED_MS, LOOK_OFTEN, TuningPage

from tests.support.api import Server, make_settings, served
from tests.support.tuning import at_work, lines
from tests.support.worker import Worker

pytestmark = pytest.mark.browser
WEB = Path(__file__).parents[2] / "app" / "web"
MIXED = b'{"prompt": "a", "completion": "b"}\n{"messages": []}'


@pytest.fixture(scope="module")
def tuning(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, worker: Worker, tiny_base: Path
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tuning")
    settings = make_settings(folder, empty_database, generator=str(tiny_base), max_model_len=1024)
    with served(settings, worker) as made:
        yield made


@contextmanager
def opened(
    browser: Browser, tuning: Server, locale: str = "en-GB", width: int = 1280
) -> Iterator[TuningPage]:
    """In a fresh browser profile."""
    with browser.new_context(locale=locale, viewport={"width": width, "height": 860}) as context:
        page = TuningPage(context.new_page(), tuning.url)
        yield page
        page.page.unroute_all(behavior="ignoreErrors")
        assert not page.watch.errors
        assert not page.watch.elsewhere


@pytest.fixture
def page(browser: Browser, tuning: Server) -> Iterator[TuningPage]:
    with opened(browser, tuning) as made:
        made.open()
        yield made


@pytest.fixture(scope="module")
def trained(browser: Browser, tuning: Server, tiny_base: Path) -> tuple[str, list[int]]:
    """A training that was begun and watched on the page: its id, and how many points its curve had by and by.

    So small a base forgets whatever it knew, and learns no end so soon: that is passed over here."""
    with (
        pytest.MonkeyPatch.context() as patched,
        opened(browser, tuning) as page,
        at_work(tuning.service, tiny_base),
    ):
        patched.setattr("tuning.verdict.FORGOTTEN", 101.0)
        patched.setattr("tuning.verdict.ENDS", 0.0)
        page.open()
        page.start("harbour", lines(), Epochs=6, Learning_rate=0.01)
        page.page.evaluate(LOOK_OFTEN)
        expect(page.page.locator(".curve .validated circle")).not_to_have_count(0, timeout=BEGUN_MS)
        expect(page.status).to_have_text("training")
        expect(page.page.locator(".pace")).to_contain_text(re.compile("step|last step"))
        expect(page.status).to_have_text("succeeded", timeout=ENDED_MS)
        return page.training, sorted(page.page.evaluate("[...window.drawn]"))


def test_its_curve_grows(trained: tuple[str, list[int]], page: TuningPage) -> None:
    training, drawn = trained
    assert len(drawn) >= 2, drawn
    page.open(training)
    curve = page.page.get_by_role("img", name="Loss against the step.")
    expect(curve).to_have_accessible_name(re.compile(r"training: .+ at step 1, .+ validation: .+ at step \d"))
    assert curve.locator(".trained polyline").evaluate("line => line.points.numberOfItems") >= drawn[-1]


def test_what_came_of_it_is_told(trained: tuple[str, list[int]], page: TuningPage) -> None:
    page.open(trained[0])
    expect(page.status).to_have_text("succeeded")
    expect(page.row("harbour")).to_contain_text("succeeded")
    expect(page.page.locator(".verdicts")).to_contain_text("it kept what the base knew")
    perplexity = page.page.get_by_role("row", name="Perplexity of the wanted answers")
    base, adapter = (
        float((text or "").replace(",", "")) for text in perplexity.locator("td").all_text_contents()
    )
    assert adapter < base
    page.page.get_by_text("The plan").click()
    expect(page.page.get_by_role("row", name="epochs 6 as you asked")).to_be_visible()
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name="Model card").click()
    assert download.value.suggested_filename == "harbour-model-card.html"
    assert "<svg" in download.value.path().read_text()


def test_its_adapter_is_asked(trained: tuple[str, list[int]], page: TuningPage) -> None:
    page.open(trained[0])
    page.page.get_by_role("link", name="Ask with it").click()
    expect(page.page.get_by_label("Adapter")).to_have_value("harbour")
    page.page.get_by_role("link", name="Tune the model").click()
    expect(page.page.get_by_role("heading", name="Teach the model by examples")).to_be_visible()


def test_the_key_is_sent_with_all_that_is_fetched(
    trained: tuple[str, list[int]], browser: Browser, tuning: Server
) -> None:
    def guard(route: Route) -> None:
        if route.request.headers.get("authorization") == "Bearer the-key":
            route.continue_()
        else:
            route.fulfill(status=401, json={"error": {"code": "unauthorized", "message": "give a key"}})

    with opened(browser, tuning) as page:
        page.page.route(re.compile("/(v1|adapters)/?"), guard)
        visit(page.page, f"{page.url}#{trained[0]}")
        dialog = page.page.get_by_role("dialog", name="This server asks for a key")
        dialog.get_by_role("textbox").fill("the-key")
        dialog.get_by_role("button", name="Continue").click()
        with page.page.expect_download() as download:
            page.page.get_by_role("button", name="Table of steps").click()
        assert download.value.path().read_text().startswith("stage,step,train_loss")
        page.watch.forgive(401)


def test_what_is_wrong_with_a_file_is_told(page: TuningPage, tuning: Server, tiny_base: Path) -> None:
    expect(page.page.get_by_text("No worker runs, so trainings wait")).to_be_visible()
    with at_work(tuning.service, tiny_base):
        page.start("broken", MIXED)
        failure = page.page.locator(".failure")
        expect(failure).to_contain_text("The file mixes formats.", timeout=BEGUN_MS)
        expect(failure).to_contain_text("line 2")
        expect(failure).to_contain_text("mixed_formats")
        page.start("few", lines(3), force=False)
        expect(failure).to_contain_text("There are too few", timeout=BEGUN_MS)
    page.start("not-said", lines(), Epochs=2)
    expect(page.status).to_have_text("waiting")
    tuning.service.tunings.cancel("default", page.training)


def test_what_is_refused_at_once_leaves_no_file(page: TuningPage, tuning: Server) -> None:
    before = tuning.http.get("/v1/files").json()["data"]
    page.page.locator("#examples").set_input_files(
        {"name": "rows.jsonl", "mimeType": "text/plain", "buffer": lines()}
    )
    page.page.get_by_label("Name of the adapter").fill("base")
    page.page.get_by_role("button", name="Start the training").click()
    expect(page.page.get_by_role("alert")).to_contain_text("and not 'base'")
    assert tuning.http.get("/v1/files").json()["data"] == before
    page.watch.forgive(422)


def test_it_is_cancelled_and_then_left_alone(page: TuningPage, tuning: Server, tiny_base: Path) -> None:
    with at_work(tuning.service, tiny_base):
        page.start("long", lines(), Epochs=90)
        expect(page.status).to_have_text("training", timeout=BEGUN_MS)
        page.page.get_by_role("button", name="Cancel the training", exact=True).click()
        page.page.get_by_role("button", name="Let it go on").click()
        expect(page.page.get_by_role("button", name="Cancel the training", exact=True)).to_be_focused()
        page.page.keyboard.press("Enter")
        page.page.get_by_role("button", name="Cancel the training of long").click()
        expect(page.status).to_have_text("cancelled")
        expect(page.page.locator("#live")).to_have_text("long: cancelled")
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))
    page.page.wait_for_timeout(2500)
    assert not asked, "nothing is under way"


def test_a_server_that_is_away_is_told_and_tried_again(page: TuningPage) -> None:
    page.page.route("**/v1/**", lambda route: route.abort())
    page.page.reload()
    banner = page.page.get_by_role("alert").filter(has_text="The server cannot be reached.")
    expect(banner).to_be_visible()
    page.page.unroute("**/v1/**")
    banner.get_by_role("button", name="Try again").click()
    expect(banner).to_be_hidden()
    page.watch.errors.clear()


@pytest.mark.parametrize(("locale", "language", "side"), [("fa-IR", "fa", "rtl"), ("zh-CN", "zh", "ltr")])
def test_it_speaks_the_readers_language(
    browser: Browser, tuning: Server, locale: str, language: str, side: str
) -> None:
    with opened(browser, tuning, locale, width=360) as page:
        visit(page.page, page.url)
        html = page.page.locator("html")
        expect(html).to_have_attribute("lang", language)
        expect(html).to_have_attribute("dir", side)
        expect(page.page.locator("#teach h1")).not_to_be_empty()
        assert page.page.evaluate("document.documentElement.scrollWidth") <= 360
        page.page.locator("#library-open").click()
        page.page.get_by_role("button", name="English").click()
        expect(html).to_have_attribute("dir", "ltr")
        page.page.get_by_role("link", name="Ask your documents").click()
        expect(html).to_have_attribute("lang", "en")


def test_every_word_is_there_in_every_language(browser: Browser, tuning: Server) -> None:
    """With the same values put in, and no word that a page asks for is missing."""
    listed = """async (language) => { const words = (await import(`/static/words.${language}.js`))[language];
        const flat = (some, before) => Object.entries(some).flatMap(([name, word]) => typeof word === "string"
            ? [[before + name, [...word.matchAll(/{\\w+}/g)].map(String).sort().join()]]
            : flat(word, `${before}${name}.`));
        return Object.fromEntries(flat(words, "")); }"""
    with opened(browser, tuning) as page:
        page.open()
        english, persian, chinese = (page.page.evaluate(listed, one) for one in ("en", "fa", "zh"))
    assert english == persian == chinese
    code = "".join(path.read_text() for path in WEB.iterdir() if path.suffix in (".js", ".html"))
    asked = set(re.findall(r"""\bt\("(\w+)"|data-(?:text|label|placeholder)="(\w+)\"""", code))
    assert {one or other for one, other in asked} <= english.keys()
