"""A public set as an owner's files."""

from pathlib import Path

from evaluation.datasets import DataSet, Part, Passage, Question
from evaluation.held_out import write
from evaluation.own import read


def test_only_held_out_questions_are_asked(tmp_path: Path) -> None:
    parts: tuple[Part, ...] = ("test", "train", "test", "calibrate")
    data = DataSet(
        name="en",
        corpus="en",
        language="en",
        source="made up",
        passages=tuple(Passage(id=str(at), title="Ships", text=f"The ship {at}.") for at in range(4)),
        questions=tuple(
            Question(
                id=f"{part}-{at}-{bool(answers)}",
                text=f"What is {at}?",
                gold=(str(at),),
                answers=answers,
                part=part,
            )
            for at, part in enumerate(parts)
            for answers in ((f"ship {at}",), ())
        ),
    )
    assert write(data, tmp_path, answerable=5, unanswerable=1, seed=0) == 3
    *answered, refused = read(tmp_path / "questions.jsonl")
    assert sorted((one.text, one.answers, one.document) for one in answered) == [
        ("What is 0?", ("ship 0",), "0.txt"),
        ("What is 2?", ("ship 2",), "2.txt"),
    ]
    assert refused.answers == ()
    assert refused.text in ("What is 0?", "What is 2?")
    assert len(list((tmp_path / "docs").iterdir())) == 4
    assert (tmp_path / "docs" / "3.txt").read_text() == "Ships\n\nThe ship 3.\n"
