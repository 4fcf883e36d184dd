from ingest.letters import typed
from ingest.reflow import reflow


def test_printed_shapes_become_letters() -> None:
    assert typed("ﺑﯿﺸﺘﺮﯾﻦ ﺷﻮاﻫﺪ") == "بیشترین شواهد"
    assert typed("ﻻﻟﻪ") == "لاله"


def test_everything_else_stays() -> None:
    text = "Ⅳ ﬁne ２ سلام‌ها 图书馆"
    assert typed(text) == text


def test_lines_that_run_to_the_margin_are_joined() -> None:
    page = "Rules\nThe leader of the rescue team is Mina Sattari and she is\nalways on call.\nEnd."
    assert reflow(page).split("\n") == [
        "Rules",
        "The leader of the rescue team is Mina Sattari and she is always on call.",
        "End.",
    ]


def test_bullets_and_ended_sentences_stay_apart() -> None:
    page = "The first line of this page is quite long, it ends here.\n- a point that goes on and on\n- b"
    assert reflow(page) == page
