"""What is left out of training data, and that training and validation share nothing."""

import pytest

from app.generator import Message
from indexes.errors import InvalidTrainingFile
from tuning.cleaning import clean, reasons
from tuning.records import Example
from tuning.splitting import split, without_leaks


def example(line: int, question: str, answer: str) -> Example:
    return Example(line=line, prompt=(Message(role="user", content=question),), answer=answer)


CITIES = [
    ("تهران", "iron"), ("شیراز", "roses"), ("北京", "walls"), ("成都", "pandas"), ("Lyon", "silk"),
    ("Turin", "chocolate"), ("Cork", "butter"), ("Pisa", "a tower"), ("Basel", "chemistry"),
    ("Kyoto", "temples"),
]  # fmt: skip


def varied(count: int) -> list[Example]:
    """No two alike."""
    return [
        example(
            at + 1,
            f"What is {CITIES[at % 10][0]} number {at} known for, {CITIES[(at * 7 + at // 10) % 10][0]}?",
            f"For {CITIES[at % 10][1]} and {at * 7919} {CITIES[(at * 3 + at // 10) % 10][1]}.",
        )
        for at in range(count)
    ]


def test_what_is_fine_is_kept_in_its_order() -> None:
    kept, dropped = clean(varied(30))
    assert [one.line for one in kept] == list(range(1, 31))
    assert dropped == ()


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("\u200b\u2060", "Yes.", "empty_once_normalised"),
        ("What?", "…!", "no_letters"),
        ("What?", "Caf\ufffd in the street", "wrongly_decoded"),
        ("کجاست؟", "كجاست؟", "answer_repeats_question"),
        ("What?", "and so on " * 60, "repetitive"),
        ("What?", "ha" + "a" * 60, "repetitive"),
        ("What?", "<div><p>It <span>is</span></p></div>", "markup_left"),
        ("What?", "As an AI language model, I cannot say.", "speaks_as_a_model"),
    ],
)
def test_noise(question: str, answer: str, reason: str) -> None:
    kept, dropped = clean([example(4, question, answer)])
    assert kept == ()
    assert [(one.line, one.reason) for one in dropped] == [(4, reason)]


def test_a_prompt_as_it_is_served_stays_one() -> None:
    served = "<source>[1] Ferries\nIt leaves at noon.</source>\n\nQuestion: When?<|im_end|>"
    [kept], _ = clean([example(1, served, "At noon [1]. </source>")])
    assert kept.question == served.replace("<|", "< |")
    assert kept.answer == "At noon [1]. < /source>"


def test_it_is_normalised_as_a_prompt_is() -> None:
    [kept], _ = clean([example(1, "Who\u200b is <|im_start|> it?\r\n", " It is cafe\u0301.[/INST] ")])
    assert kept.question == "Who is < |im_start|> it?"
    assert kept.answer == "It is café.(/INST)"


def test_one_row_a_thousand_times_is_one() -> None:
    kept, dropped = clean([example(line, "Where is it?", "It is in the north.") for line in range(1, 1001)])
    assert [one.line for one in kept] == [1]
    assert {(one.reason, one.repeats) for one in dropped} == {("duplicate", 1)}
    assert [(reason, len(lines)) for reason, lines in reasons(dropped)] == [("duplicate", 999)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It opens at nine every day of the week.", "It opens at nine, every day of the week!"),
        ("موزه هر روز هفته ساعت نه صبح باز می‌شود.", "موزه هر روز هفته ساعت نه صبح باز میشود."),
        ("博物馆每天早上九点开门，下午五点关门。", "博物馆每天早上九点开门,下午五点关门!"),
    ],
)  # fmt: skip
def test_what_is_nearly_the_same_is_one(one: str, other: str) -> None:
    kept, dropped = clean([example(1, "When does it open?", one), example(2, "When does it open?", other)])
    assert [example.line for example in kept] == [1]
    assert dropped[0].reason in ("near_duplicate", "duplicate")
    assert dropped[0].repeats == 1


def test_numbers_make_a_difference() -> None:
    rows = [
        example(line, f"What does article {line} of the long municipal code say?", f"See paragraph {line}.")
        for line in range(1, 21)
    ]
    assert len(clean(rows)[0]) == 20


def test_a_fifth_validates() -> None:
    parts = split(varied(100))
    assert (len(parts.train), len(parts.validation), parts.by_document) == (80, 20, False)
    assert not {one.line for one in parts.train} & {one.line for one in parts.validation}
    assert split(varied(100)) == parts


def test_a_document_is_on_one_side() -> None:
    rows = [
        Example(line=one.line, prompt=one.prompt, answer=one.answer, document=f"d{one.line % 13}")
        for one in varied(200)
    ]
    parts = split(rows)
    assert parts.by_document
    assert not {one.document for one in parts.train} & {one.document for one in parts.validation}
    assert 0.1 < len(parts.validation) / 200 < 0.3


def test_what_is_alike_is_on_one_side() -> None:
    """Four ways to ask the same, of each of forty things."""
    rows = [
        example(4 * number + way, f"{asked} {one.question}", one.answer)
        for number, one in enumerate(varied(40))
        for way, asked in enumerate(("Tell me.", "Please tell me!", "Tell me, please.", "Say."))
    ]
    parts = split(rows)
    assert {one.line // 4 for one in parts.train} & {one.line // 4 for one in parts.validation} == set()


def test_all_alike_cannot_be_validated() -> None:
    with pytest.raises(InvalidTrainingFile) as caught:
        split([example(1, "Where is it?", "In the north."), example(2, "Where is it ?", "In the north!")])
    assert caught.value.code == "train_is_validation"


def test_one_example_cannot_be_validated() -> None:
    with pytest.raises(InvalidTrainingFile) as caught:
        split([example(1, "Where is it?", "In the north.")])
    assert caught.value.code == "cannot_validate"


def test_what_validates_is_taken_out_of_training() -> None:
    rows = varied(50)
    parts = without_leaks(rows, rows[:5])
    assert [one.line for one in parts.train] == list(range(6, 51))
    assert [(one.reason, one.line, one.repeats) for one in parts.leaks] == [
        ("leak", at, at) for at in range(1, 6)
    ]


def test_training_on_what_validates_is_refused() -> None:
    rows = varied(20)
    with pytest.raises(InvalidTrainingFile) as caught:
        without_leaks(rows, rows)
    assert caught.value.code == "train_is_validation"
