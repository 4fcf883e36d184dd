"""Reports: valid, whole in one file, and nothing of a text becomes markup."""

from html.parser import HTMLParser
from pathlib import Path

from evaluation.plots import Line, Plot
from evaluation.report import Report, Section, Table, surroundings

PLOT = Plot(
    title="recall@k <1>",
    x_label="k",
    y_label="recall",
    lines=(
        Line(name="ours & co", points=((1, 0.5), (10, 1.0)), marked=True),
        Line(name="rival", points=((1, 0.25), (10, 2.0)), dashed=True),
    ),
    x_range=(1, 10),
)
REPORT = Report(
    title="Evaluation",
    facts={"seed": "0"},
    sections=(
        Section(
            title="One",
            text="First `code`.\n\nSecond <b>.",
            tables=(Table(title="T", header=("a", "b"), rows=(("<script>", "x|y"),), note="Note."),),
            plots=(PLOT,),
        ),
    ),
)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "line", "polyline", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_escaped() -> None:
    page = Tags()
    page.feed(REPORT.html())
    assert page.open == []
    tags = [tag for tag, _ in page.seen]
    assert "script" not in tags
    assert "b" not in tags
    assert not any(name in ("src", "href") for _, attributes in page.seen for name in attributes)
    assert tags.count("polyline") == 2


def test_points_lie_in_the_frame_and_higher_is_higher() -> None:
    page = Tags()
    page.feed(PLOT.svg())
    lines = [str(attributes["points"]) for tag, attributes in page.seen if tag == "polyline"]
    (x1, y1), (x2, y2) = (tuple(map(float, pair.split(","))) for pair in lines[0].split())
    assert x1 < x2
    assert y1 > y2  # the y axis of SVG points down
    top = min(float(pair.split(",")[1]) for pair in lines[1].split())
    assert top == y2  # what is out of range stays in the frame


def test_markdown(tmp_path: Path) -> None:
    markdown, html = REPORT.write(tmp_path, "eval")
    text = markdown.read_text("utf-8")
    assert "| a | b |" in text
    assert r"| <script> | x\|y |" in text
    assert f"[{html.name}]({html.name})" in text


def test_the_surroundings_name_machine_versions_and_what_was_added() -> None:
    facts = surroundings(seed="7")
    assert facts["seed"] == "7"
    assert "Python 3." in facts["versions"]
    assert "torch" in facts["versions"]
    assert "cores" in facts["machine"]
