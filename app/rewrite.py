"""A follow-up question made to stand alone for retrieval, by rules in three languages: no model is asked.

"When was it built?" finds nothing by itself: what it asks about was named before. The words that carry
meaning in the reader's last question, and the names and numbers of the answer to it, are put behind the
question, which weighs more since it is said twice. A question that names what it asks about is left as it is,
so that changing the subject costs nothing.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from app.generator import Message
from app.language import detect

FROM_QUESTION = 12  # words taken over, at most
FROM_ANSWER = 4
BACK = 3  # follow-ups to follow-ups that are traced back
NAMED = 3  # content words before a pronoun from which on it refers to one of them
HAN_NAMED = 3  # the same in Chinese characters
LETTERS = r"(?:[^\W_]|[\u064b-\u065f\u0670])+"  # with the marks that Arabic script writes above them
WORD = re.compile(rf"{LETTERS}(?:[\u200c'-]{LETTERS})*")
NAME = re.compile(r"(?<![.!?:] )(?<!^)\b[A-Z][\w'’-]*|\d[\d.,:/-]*\d|\d", re.MULTILINE)
HAN = re.compile(r"[\u3400-\u9fff]+")
FOLD = str.maketrans({"ي": "ی", "ك": "ک", "’": "'"})

PRONOUNS = frozenset([
    "he", "him", "his", "she", "her", "hers", "it", "its", "they", "them", "their", "theirs", "this", "these",
    "those", "there", "او", "وی", "آن", "آنها", "آن‌ها", "آنان", "ایشان", "این", "اینها", "این‌ها", "آنجا",
    "اینجا",
])  # fmt: skip
SUFFIXES = ("‌اش", "‌شان", "‌هایش", "‌هایشان")  # his, their: written after a noun
OPENER = re.compile(
    r"(and|but|so|or|what about|how about|what else|who else|و|اما|پس(?! از))\s", re.IGNORECASE
)
HAN_PRONOUN = re.compile(
    r"他们|她们|它们|(?<![其吉])他(?![人])|她|它|(?<![土耳极尤与])其(?![中他它余实次])|(?<!应)该|此(?!外)|这|那(?!么)"
)
HAN_OPENERS = ("那么", "还有", "然后", "另外", "那")
HAN_END = re.compile(r"呢[？?。\s]*$")
# What asks, and what says nothing of what is asked about.
EMPTY = frozenset([
    "a", "an", "the", "of", "in", "on", "at", "to", "by", "for", "from", "with", "and", "or", "but", "so",
    "as", "about", "else", "then", "also", "too", "is", "are", "was", "were", "be", "been", "do", "does",
    "did", "has", "have", "had", "can", "could", "will", "would", "should", "may", "what", "when", "where",
    "which", "who", "whom", "whose", "why", "how", "many", "much", "long", "old", "far", "often", "year",
    "date", "day", "place", "country", "city", "name", "reason", "number", "exactly", "happened", "i", "you",
    "we", "me", "not", "there",
    "چه", "چرا", "کجا", "کی", "چگونه", "چطور", "چند", "چقدر", "کدام", "کیست", "چیست", "است", "بود", "شد",
    "شده", "در", "از", "به", "با", "برای", "که", "را", "و", "یا", "هم", "تا", "بر", "سال", "سالی", "زمانی",
    "کسی", "چیزی", "کشور", "شهر", "نام", "آیا", "کرد", "می‌شود", "پس", "اما",
])  # fmt: skip
HAN_EMPTY = re.compile(
    r"什么时候|什么时间|为什么|是什么|什么|怎么样|怎样|怎么|哪一年|哪年|哪里|哪个|哪些|哪儿|哪|何时|何地|如何|为何"
    r"|多少|多大|多久|几个|几岁|几年|几|谁|请问|是|的|了|吗|呢|在|于|有|时候|时间|地方|名字|原因|年|月|日|被|由|和|与"
    r"|从|到|因|后|还|又|就|而"
)


def standalone(question: str, history: Sequence[Message]) -> str:
    """What to search for: the question, or with what it leans on where it is a follow-up."""
    asked = [turn.content for turn in history if turn.role == "user"][-BACK:]
    answers = [turn.content for turn in history if turn.role == "assistant"][-1:]
    return _with_context(question, asked, answers)


def follows_up(question: str) -> bool:
    """Whether what the question is about must have been named before."""
    text = _folded(" ".join(question.split()))
    if detect(text) == "zh":
        return _follows_up_in_chinese(text)
    if OPENER.match(text):
        return True
    named = 0
    for at, word in enumerate(WORD.findall(text)):
        folded = word.casefold()
        if folded in PRONOUNS and not (folded == "there" and at < 2):  # "is there", "are there"
            return named < NAMED
        if folded.endswith(SUFFIXES):
            return named < NAMED
        if folded not in EMPTY:
            # A name is what a later pronoun refers to; the first word is written so anyway.
            named += NAMED if at and word[0].isupper() else 1
    return named == 0


def _follows_up_in_chinese(text: str) -> bool:
    if text.startswith(HAN_OPENERS) or HAN_END.search(text):
        return True
    pronoun = HAN_PRONOUN.search(text)
    before = text[: pronoun.start()] if pronoun else text
    left = WORD.findall(HAN_EMPTY.sub(" ", before))
    return sum(len(word) for word in left) < (HAN_NAMED if pronoun else 2)


def _with_context(question: str, asked: Sequence[str], answers: Sequence[str]) -> str:
    if not asked or not follows_up(question):
        return question
    before = _with_context(asked[-1], asked[:-1], ())
    known = set(_content(question))
    words = [word for word in dict.fromkeys(_content(before)) if word not in known][:FROM_QUESTION]
    names = [name for answer in answers for name in dict.fromkeys(NAME.findall(answer))][:FROM_ANSWER]
    context = " ".join([*words, *(name for name in names if name.casefold() not in known | set(words))])
    return f"{question} {question} {context}" if context else question


def _content(text: str) -> Iterable[str]:
    """The words that carry meaning, in their order; of Chinese, what stands between those that do not."""
    for word in WORD.findall(_folded(text)):
        if HAN.search(word):
            yield from HAN_PRONOUN.sub(" ", HAN_EMPTY.sub(" ", word)).split()
        elif word.casefold() not in EMPTY and word.casefold() not in PRONOUNS:
            yield word.casefold()


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).translate(FOLD)
