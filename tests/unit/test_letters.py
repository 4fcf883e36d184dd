from ingest.letters import typed


def test_printed_shapes_become_letters() -> None:
    assert typed("ﺑﯿﺸﺘﺮﯾﻦ ﺷﻮاﻫﺪ") == "بیشترین شواهد"
    assert typed("ﻻﻟﻪ") == "لاله"


def test_everything_else_stays() -> None:
    text = "Ⅳ ﬁne ２ سلام‌ها 图书馆"
    assert typed(text) == text
