"""Questions that a passage no longer answers, made of such that it does.

One thing in the question is exchanged: a name or a number for another one of the passage, or a word for its
opposite. Those are what people change who write such questions by hand (Rajpurkar et al. 2018, table 1); a
few of those made here are still answered, which training bears. Verbs are not negated, though people do
that too: from such rows the reader learnt to refuse whatever is asked with "not".
"""

import random
import re
from collections.abc import Sequence

_NAME = re.compile(r"\b[A-Z][\w'’-]+(?: (?:of |the |de |van )?[A-Z][\w'’-]+)*")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")  # any script's digits
_OPENERS = """
    a after although an and as at because before both but by during each for from he her his how however
    if in it its many most no not of on one or other over she since so some such that the their there
    these they this those through to under until what when where which while who why with
"""
_OPPOSITES = """
    first/last most/least more/less larger/smaller largest/smallest highest/lowest higher/lower
    early/late earlier/later oldest/newest old/new north/south northern/southern east/west
    eastern/western before/after increase/decrease increased/decreased win/lose won/lost begin/end
    began/ended start/stop started/stopped always/never all/none major/minor same/different best/worst
    good/bad strong/weak long/short rich/poor public/private male/female above/below inside/outside
    internal/external maximum/minimum allowed/forbidden legal/illegal common/rare positive/negative
    support/oppose supported/opposed agree/disagree agreed/disagreed include/exclude included/excluded
    left/right top/bottom upper/lower buy/sell bought/sold accepted/rejected created/destroyed
    built/demolished
"""
_OPPOSITE = {
    one: other
    for pair in _OPPOSITES.split()
    for one, other in (pair.split("/"), reversed(pair.split("/")))
}  # fmt: skip


def altered(question: str, passage: str, answers: Sequence[str], draw: random.Random) -> str | None:
    """None where nothing in the question can be exchanged."""
    kinds = [_another_name, _another_number, _opposite]
    draw.shuffle(kinds)
    return next((made for kind in kinds if (made := kind(question, passage, answers, draw))), None)


def _another_name(question: str, passage: str, answers: Sequence[str], draw: random.Random) -> str | None:
    names = [found for found in _NAME.finditer(question) if found.start() and _is_name(found[0])]
    used = set(question.lower().split()) | {word for one in answers for word in one.lower().split()}
    others = [
        name for name in _NAME.findall(passage) if _is_name(name) and not used & set(name.lower().split())
    ]
    return _exchanged(question, draw.choice(names), draw.choice(others)) if names and others else None


def _another_number(question: str, passage: str, answers: Sequence[str], draw: random.Random) -> str | None:
    numbers = list(_NUMBER.finditer(question))
    if not numbers:
        return None
    one = draw.choice(numbers)
    others = [
        number
        for number in _NUMBER.findall(passage)
        if len(number) == len(one[0]) and number not in question and not any(number in a for a in answers)
    ]
    return _exchanged(question, one, draw.choice(others)) if others else None


def _opposite(question: str, passage: str, answers: Sequence[str], draw: random.Random) -> str | None:
    words = [found for found in re.finditer(r"[a-z]+", question) if found[0] in _OPPOSITE]
    if not words:
        return None
    one = draw.choice(words)
    return _exchanged(question, one, _OPPOSITE[one[0]])


def _is_name(text: str) -> bool:
    return text.lower() not in _OPENERS.split()


def _exchanged(text: str, found: re.Match[str], other: str) -> str:
    return text[: found.start()] + other + text[found.end() :]
