"""HTML to Markdown: headings, lists, tables and code survive, everything in its order."""

import pytest

from ingest import markdown
from ingest.html import whole_page


def page(body: str) -> str:
    return whole_page(f"<html><body>{body}</body></html>")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<h1>A <b>big</b>\n title</h1><p>One<br>two</p>", "# A big title\n\nOne\ntwo"),
        ("<p>One</p>tail<p>two</p>", "One\n\ntail\n\ntwo"),
        ("a <b>b</b><i>c</i> d", "a bc d"),
        ("<ul><li>one<ul><li>deep</li></ul></li><li>two</li></ul>after", "- one\n  - deep\n- two\n\nafter"),
        ("<ol><li>one</li><li>two</li></ol>", "1. one\n2. two"),
        ("<ul><li><p>one</p><p>more</p></li></ul>", "- one\n  more"),
        ("<pre>def f():\n    return 1\n</pre>", "```\ndef f():\n    return 1\n```"),
        ("<pre>```\nx\n```</pre>", "````\n```\nx\n```\n````"),
        ("<p>text with <code>code()</code></p>", "text with code()"),
        ("<dl><dt>Term</dt><dd>Meaning</dd></dl>", "Term\n\nMeaning"),
        ("<h2></h2><p>x</p>", "x"),
        ("<a href='https://example.org'>a link</a>", "a link"),
    ],
)
def test_blocks(body: str, expected: str) -> None:
    assert page(body) == expected


def test_a_table() -> None:
    body = (
        "<table><caption>Hours</caption><thead><tr><th>Day</th><th>Open</th></tr></thead>"
        "<tbody><tr><td>Monday<br>(feast)</td><td>9|5</td></tr><tr><td>Tuesday</td></tr></tbody></table>"
    )
    assert page(body) == (
        "Hours\n\n| Day | Open |\n| --- | --- |\n| Monday (feast) | 9\\|5 |\n| Tuesday |  |"
    )


def test_a_table_that_only_arranges_the_page() -> None:
    body = (
        "<table><tr><td><h2>Menu</h2></td><td><table><tr><td>a</td><td>b</td></tr></table></td></tr></table>"
    )
    assert page(body) == "## Menu\n\n| a | b |\n| --- | --- |"
    assert page("<table role=presentation><tr><td>a</td><td>b</td></tr></table>") == "a\n\nb"
    assert page("<table><tr><td>alone</td></tr></table>") == "alone"


def test_deep_and_long_pages_are_read() -> None:
    assert "deep" in page("<div>" * 200 + "deep" + "</div>" * 200)
    assert page("<ol>" + "<li>x</li>" * 20_000 + "</ol>").endswith("\n20000. x")


def test_markdown_tables() -> None:
    assert (
        markdown.table([["a", "", ""], ["", "", ""], ["b", "c", ""]]) == "| a |  |\n| --- | --- |\n| b | c |"
    )
    assert markdown.table([["", ""], []]) == ""
    assert markdown.heading(9, " a\nb ") == "###### a b"
    assert markdown.heading(1, " ") == ""
    assert markdown.join(["a", "", "b"]) == "a\n\nb"
