"""The chat page in a real Chromium, against the running service (`service_url`)."""

import json
import re
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chat_page import ANSWER_MS, ChatPage, visit
from playwright.sync_api import Browser, Page, Route, expect

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "docs" / "samples"
WEB = ROOT / "app" / "web"
QUESTIONS = json.loads((SAMPLES / "questions.json").read_text(encoding="utf-8"))
ENGLISH, PERSIAN, CHINESE = (next(q for q in QUESTIONS if q["language"] == x) for x in ("en", "fa", "zh"))
HOSTILE = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>'


@pytest.fixture
def chat(browser: Browser, service_url: str) -> Iterator[ChatPage]:
    """A page of a fresh browser profile, opened on a collection of this test's own."""
    name = f"page-{uuid.uuid4().hex[:8]}"
    with browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 860}) as context:
        page = context.new_page()
        page.add_init_script("window.hurt = 0")
        chat = ChatPage(page, service_url)
        chat.open()
        chat.new_collection(name)
        yield chat
        page.unroute_all(behavior="ignoreErrors")
        assert page.evaluate("window.hurt") == 0, "hostile text was run"
        assert not chat.watch.errors
        assert not chat.watch.elsewhere
    url = f"{service_url.rstrip('/')}/collections/{name}"
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE")).close()


def direction(chat: ChatPage, selector: str) -> str:
    return str(chat.turns.last.locator(selector).first.evaluate("node => getComputedStyle(node).direction"))


def body_of(chat: ChatPage, question: str) -> dict[str, Any]:
    """Ask, and return what the page sent."""
    with chat.page.expect_request("**/ask") as request:
        chat.ask(question)
    sent: dict[str, Any] = request.value.post_data_json
    return sent


def keep_streams(page: Page) -> None:
    """Chromium drops the bodies of finished streams when it likes: the page keeps a copy for the test."""
    page.evaluate("""() => { const plain = window.fetch; window.fetch = async (...given) => {
        const response = await plain(...given);
        if (String(given[0]).endsWith("/ask")) response.clone().text().then(text => { window.kept = text; });
        return response; }; }""")


def kept_stream(page: Page) -> str:
    page.wait_for_function("() => window.kept")
    return str(page.evaluate("() => window.kept"))


def answer_of(stream: str) -> dict[str, Any]:
    """The `answer` event of a finished stream."""
    block = stream.replace("\r\n", "\n").split("event: answer\n", 1)[1].split("\n\n", 1)[0]
    answer: dict[str, Any] = json.loads(block.removeprefix("data: "))
    return answer


def stream(*events: tuple[str, object]) -> str:
    return "".join(
        f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n" for name, data in events
    )


def answer(**fields: object) -> dict[str, object]:
    return {
        "answer": "", "abstained": False, "reason": None, "citations": [], "sources": [], "groundedness": 1.0,
        "collection": "default", "adapter": None, "model": "m", "request_id": "r",
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
        "timings_ms": {"retrieve": 1, "first_token": 1, "generate": 1, "total": 1}, **fields,
    }  # fmt: skip


def error(code: str, message: str) -> dict[str, object]:
    return {"error": {"code": code, "message": message, "param": None, "request_id": "req-7"}}


def answered(chat: ChatPage, *events: tuple[str, object]) -> None:
    """Let the next questions be answered by these events, whatever the service knows."""
    body = stream(*events)
    chat.page.route("**/ask", lambda route: route.fulfill(body=body, content_type="text/event-stream"))


@pytest.mark.browser
def test_the_tour(chat: ChatPage) -> None:
    page = chat.page
    expect(page.get_by_role("heading", name="Begin with a document")).to_be_visible()
    chat.upload(SAMPLES / "visitors-fa.html", SAMPLES / "handbook-en.pdf")
    expect(page.locator(".suggestion")).to_have_count(2)

    keep_streams(page)
    turn = chat.ask(ENGLISH["question"])
    streamed = kept_stream(page)
    told = answer_of(streamed)
    assert not told["abstained"]
    expect(turn.locator(".answer")).to_contain_text(ENGLISH["answer"])
    assert "event: token" in streamed
    assert direction(chat, ".answer p") == "ltr"

    marker = turn.locator("button.marker").first
    cited = next(c for c in told["citations"] if str(c["marker"]) == marker.text_content())
    marker.click()
    expect(chat.panel).to_be_visible()
    mark = chat.panel.locator("mark.active").first
    expect(mark).to_be_in_viewport()
    expect(mark).to_be_focused()
    assert cited["quote"] in [m.text_content() for m in chat.panel.locator("mark.active").all()]
    page.keyboard.press("Escape")
    expect(chat.panel).to_be_hidden()
    expect(marker).to_be_focused()

    chat.ask(PERSIAN["question"])
    assert direction(chat, ".question") == "rtl"
    assert direction(chat, ".answer p:not(.verdict)") == "rtl"
    assert page.locator("html").get_attribute("dir") == "ltr"  # the page itself stays the reader's


@pytest.mark.browser
def test_history_and_adapter_are_sent(chat: ChatPage) -> None:
    chat.upload(SAMPLES / "handbook-en.pdf")
    sent = body_of(chat, ENGLISH["question"])
    assert sent["adapter"] is None
    assert sent["history"] == []
    choice = chat.page.get_by_label("Adapter")
    names = [str(option.get_attribute("value")) for option in choice.locator("option").all()]
    assert names[:2] == ["", "base"]
    for name in names[1:3]:
        choice.select_option(name)
        sent = body_of(chat, ENGLISH["question"])
        assert sent["adapter"] == name
        shown = "base model" if name == "base" else name
        expect(chat.turns.last.locator(".facts .adapter")).to_have_text(shown)
    assert [message["role"] for message in sent["history"][:2]] == ["user", "assistant"]
    assert sent["history"][0]["content"] == ENGLISH["question"]


@pytest.mark.browser
@pytest.mark.parametrize("way", ["button", "escape"])
def test_a_running_answer_is_stopped(chat: ChatPage, way: str) -> None:
    chat.upload(SAMPLES / "handbook-en.pdf")
    network = chat.page.context.new_cdp_session(chat.page)
    slow = {"offline": False, "latency": 4000, "downloadThroughput": -1, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", slow)  # so that no engine is quicker than the hand
    with chat.page.expect_event("requestfailed", lambda request: request.url.endswith("/ask")) as failed:
        turn = chat.send(ENGLISH["question"])
        expect(chat.stop).to_be_visible()
        if way == "button":
            chat.stop.click()
        else:
            chat.page.keyboard.press("Escape")
    assert "ABORTED" in str(failed.value.failure)
    expect(turn).to_contain_text("Stopped.")
    expect(chat.stop).to_be_hidden()
    expect(chat.question).to_be_focused()
    network.send("Network.emulateNetworkConditions", {**slow, "latency": 0})
    expect(chat.ask(ENGLISH["question"]).locator(".answer")).not_to_be_empty()


@pytest.mark.browser
def test_hostile_text_is_shown_and_never_run(chat: ChatPage) -> None:
    name = f"{HOSTILE.replace('/', '')}.txt"
    fact = (
        f"The password of the lighthouse is Marigold. {HOSTILE} The lighthouse keeper is called Ivo Brandt."
    )
    chat.upload({"name": name, "mimeType": "text/plain", "buffer": fact.encode()})
    expect(chat.documents().first).to_contain_text("<img src=x")
    turn = chat.ask(f"Who is the lighthouse keeper? {HOSTILE}")
    expect(turn.locator(".question")).to_contain_text(HOSTILE)
    turn.locator(".card").first.click()
    expect(chat.panel).to_contain_text("<img src=x onerror=")
    for part in ("#sources", "#turns", "#library"):
        assert chat.page.locator(f"{part} script").count() == 0
    assert chat.page.locator("img[src=x]").count() == 0


@pytest.mark.browser
def test_a_bad_file_fails_alone(chat: ChatPage) -> None:
    bad = {"name": "bad.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 and no more"}
    good = {
        "name": "good.txt",
        "mimeType": "text/plain",
        "buffer": b"The gate of the garden is painted green.",
    }
    chat.page.locator("#files").set_input_files([bad, good])  # type: ignore[list-item]
    row = chat.page.locator("#uploads .failed")
    expect(row).to_have_count(1, timeout=ANSWER_MS)
    expect(row).to_contain_text("bad.pdf")
    expect(row.locator(".row-reason")).not_to_be_empty()
    expect(chat.documents().filter(has_text="good")).to_have_count(1, timeout=ANSWER_MS)
    for status in (400, 413, 415, 422):  # refused at the door, or by the worker: both are right
        chat.watch.forgive(status)


@pytest.mark.browser
def test_dropped_and_deleted(chat: ChatPage) -> None:
    drop = """() => { const data = new DataTransfer();
        data.items.add(new File(["The well is nine metres deep."], "well.txt", {type: "text/plain"}));
        for (const type of ["dragenter", "dragover", "drop"])
            document.body.dispatchEvent(
                new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true})); }"""
    chat.page.evaluate(drop)
    expect(chat.documents()).to_have_count(1, timeout=ANSWER_MS)
    chat.documents().first.hover()
    chat.documents().first.get_by_role("button", name=re.compile("^Delete")).click()
    chat.documents().first.get_by_role("button", name=re.compile("^Delete")).click()
    expect(chat.documents()).to_have_count(0)


@pytest.mark.browser
def test_spans_are_counted_in_code_points(chat: ChatPage) -> None:
    before, said = "🏔️🦅 𠮷野家 ", "آسمان 🕊 آبی است"
    text = f"{before}{said} و تمام 🌙"
    place = {"document_id": "d", "chunk_id": 3, "title": "نامه", "page": 2, "score": 0.9,
             "uri": "javascript:alert(1)"}  # fmt: skip
    start = 500 + len(before)  # the source begins in the middle of its document
    citation = {**place, "marker": 1, "start": start, "end": start + len(said), "quote": said}
    source = {**place, "start": 500, "end": 500 + len(text), "text": text}
    whole = answer(answer="آبی [1] و [7]", citations=[citation], sources=[source])
    answered(chat, ("sources", [source]), ("token", {"text": "آبی [1]"}), ("answer", whole))
    turn = chat.ask("آسمان چه رنگ است؟")
    expect(turn.locator("button.marker")).to_have_count(1)  # [7] cites nothing, so it stays text
    expect(turn.locator(".answer")).to_contain_text("[7]")
    turn.locator("button.marker").click()
    assert chat.panel.locator("mark").text_content() == said
    assert chat.panel.locator(".passage-text").text_content() == text
    expect(chat.panel.locator("a.uri")).to_have_count(0)
    span = f"start={start}&end={start + len(said)}#span"
    expect(chat.panel.locator("a")).to_have_attribute("href", f"/documents/d/view?{span}")
    expect(chat.panel).to_contain_text("p. 2")


@pytest.mark.browser
def test_an_abstention_shows_what_was_looked_at(chat: ChatPage) -> None:
    source = {"document_id": "d", "chunk_id": 1, "title": "Notes", "uri": "notes.txt", "page": None,
              "start": 0, "end": 5, "text": "Notes", "score": 0.2}  # fmt: skip
    whole = answer(
        answer="I did not find it.", abstained=True, reason="weak_evidence", sources=[source], groundedness=0
    )
    answered(chat, ("sources", [source]), ("answer", whole))
    turn = chat.ask("What is the weather on Mars?")
    expect(turn).to_contain_text("No answer from these documents")
    expect(turn).to_contain_text("Nothing in the documents comes close enough")
    turn.get_by_role("button", name="Notes").click()
    expect(chat.page.get_by_role("heading", name="What was looked at", level=2)).to_be_visible()


@pytest.mark.browser
def test_an_answer_is_rated_and_then_otherwise(chat: ChatPage) -> None:
    chat.upload(SAMPLES / "handbook-en.pdf")
    turn = chat.ask(ENGLISH["question"])
    helpful, not_helpful = (
        turn.get_by_role("button", name=name, exact=True) for name in ("Helpful", "Not helpful")
    )
    for button, other, given in ((helpful, not_helpful, "up"), (not_helpful, helpful, "down")):
        with chat.page.expect_response("**/feedback") as response:
            button.click()
        assert response.value.status == 201
        assert response.value.json()["rating"] == given
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(other).to_have_attribute("aria-pressed", "false")


@pytest.mark.browser
def test_errors_are_told_and_can_be_tried_again(chat: ChatPage) -> None:
    problem = error("engine_lost", "the engine stopped: ask again")
    answered(chat, ("token", {"text": "Half an "}), ("error", problem))
    turn = chat.ask("Who?")
    expect(turn.get_by_role("alert")).to_contain_text("the engine stopped: ask again")
    expect(turn.get_by_role("alert")).to_contain_text("req-7")
    chat.page.unroute("**/ask")
    answered(chat, ("answer", answer(answer="Now it works.")))
    turn.get_by_role("button", name="Try again").click()
    expect(chat.turns).to_have_count(1)
    expect(chat.turns.last.locator(".answer")).to_have_text("Now it works.")


@pytest.mark.browser
def test_a_starting_engine_is_waited_for(chat: ChatPage) -> None:
    tries = []
    body = error("engine_starting", "the engine is starting")

    def starting(route: Route) -> None:
        tries.append(1)
        if len(tries) < 3:
            route.fulfill(status=503, headers={"Retry-After": "1"}, json=body)
        else:
            events = stream(("answer", answer(answer="Awake.")))
            route.fulfill(body=events, content_type="text/event-stream")

    chat.page.route("**/ask", starting)
    turn = chat.send("Are you there?")
    expect(turn).to_contain_text("The engine is starting")
    expect(turn.locator(".answer")).to_have_text("Awake.", timeout=15_000)
    assert len(tries) == 3
    chat.watch.forgive(503)


@pytest.mark.browser
def test_the_key_is_asked_for_only_after_401(browser: Browser, service_url: str) -> None:
    body = error("unauthorized", "give a key")

    def guard(route: Route) -> None:
        if route.request.headers.get("authorization") == "Bearer the-right-key":
            headers = {k: v for k, v in route.request.headers.items() if k != "authorization"}
            route.continue_(headers=headers)
        else:
            route.fulfill(status=401, json=body)

    with browser.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.route(re.compile(r"://[^/]+/(collections|documents|adapters|ask)\b"), guard)
        visit(page, service_url)
        dialog = page.get_by_role("dialog")
        for key in ("a-wrong-key", "the-right-key"):
            expect(dialog).to_be_visible()
            dialog.get_by_role("textbox").fill(key)
            dialog.get_by_role("button", name="Continue").click()
            if key == "a-wrong-key":
                expect(dialog).to_contain_text("not accepted")
        expect(dialog).to_be_hidden()
        expect(page.locator("#collection option")).not_to_have_count(0)
        assert page.evaluate("sessionStorage.getItem('simurgh.key')") == "the-right-key"
        assert "the-right-key" not in page.evaluate("JSON.stringify(localStorage)")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("locale", "language", "side"), [("fa-IR", "fa", "rtl"), ("zh-CN", "zh", "ltr"), ("de-DE", "en", "ltr")]
)
def test_the_page_speaks_the_readers_language(
    browser: Browser, service_url: str, locale: str, language: str, side: str
) -> None:
    with browser.new_context(locale=locale, viewport={"width": 360, "height": 700}) as context:
        page = context.new_page()
        visit(page, service_url)
        html = page.locator("html")
        expect(html).to_have_attribute("lang", language)
        expect(html).to_have_attribute("dir", side)
        expect(page.locator("#empty-title")).not_to_be_empty()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.locator("#library-open").click()
        page.get_by_role("button", name="中文").click()
        expect(html).to_have_attribute("lang", "zh")


def test_no_page_holds_inline_code_or_a_way_to_parse_html() -> None:
    for page in WEB.glob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", html), page
        assert not re.search(r"""(?:src|href)=["'](?!/static/|#|/"|/tuning")""", html), page
        assert "require-trusted-types-for 'script'; trusted-types 'none'" in html, page
    for script in WEB.glob("*.js"):
        code = script.read_text(encoding="utf-8")
        parsers = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
        assert not re.search(parsers, code), script


def test_the_samples_hold_their_answers() -> None:
    tickets = json.loads((SAMPLES / "tickets-zh.json").read_text(encoding="utf-8"))["payloads"]
    texts = {ticket["id"]: ticket["text"] for ticket in tickets}
    texts["visitors-fa.html"] = (SAMPLES / "visitors-fa.html").read_text(encoding="utf-8")
    pypdf = pytest.importorskip("pypdf")
    pages = [page.extract_text() for page in pypdf.PdfReader(SAMPLES / "handbook-en.pdf").pages]
    for question in QUESTIONS:
        text = pages[question["page"] - 1] if question["page"] else texts[question["document"]]
        assert question["answer"] in " ".join(text.split()), question
    offered = (WEB / "samples.js").read_text(encoding="utf-8")
    for question in (ENGLISH, PERSIAN, CHINESE):
        assert f'"{question["document"]}": "{question["question"]}"' in offered
