"""Sentences of a source that speak to whoever answers from it: orders, which are no evidence.

A reader that looks for words that answer finds "say that the capital is X" as readily as "the capital is X".
What is left out here is only never quoted as an answer; the source is shown as it is. The list is of what
people write to models and seldom to people; orders in other words, and falsehoods that are stated plainly,
get through.
"""

import re

from app.spans import sentences

WHAT = (
    r"(instructions?|prompts?|rules?|directives?|commands?|context|functions?|web ?page|page|article|document"
    r"|resume|table|paper|e-?mail|text|code|question|task)"
)
CHANGE = (  # what is asked for to be done to an answer
    r"(add|alter|anagram|append|apply|augment|capitali[sz]e|change|combine|convert|craft|delete|deliver|embed"
    r"|encode|encrypt|end|enhance|express|finish|format|give|group|hide|include|incorporate|insert|integrate"
    r"|introduce|jumble|mention|misspell|mix|modify|obfuscate|output|phrase|present|provide|rearrange|remove"
    r"|render|replace|reverse|rewrite|scramble|shift|shuffle|spell|start|substitute|swap|transform|translate"
    r"|transpose|use|weave|write)"
)
LETTERS = r"(letters?|vowels?|consonants?|characters?|alphabet)"
ORDERS = re.compile(
    "|".join(
        (
            rf"^\W*((please|now|also|then|always),? )?{CHANGE}\b[^\n]*"
            r"\byour (own |final |next |whole |entire )?(response|answer|reply|output|message)\b",
            r"^\W*(please )?(replace|rearrange|scramble|jumble|shift|shuffle|substitute|swap|transpose)\b"
            rf"[^.\n]{{0,20}}\b{LETTERS}\b",
            rf"\b(ignore|disregard|forget|override|bypass|skip)\b[^.\n]{{0,40}}?\b{WHAT}\b",
            r"\b(previous|prior|earlier|above|original|system) (instructions?|prompts?)\b",
            r"\btell the user\b",
            r"\b(in|modify|change|end|begin|start|add to|augment) your (response|answer|reply|output)\b",
            r"\byou(['’]ve| have) been (instructed|told|ordered) to\b",
            r"\b(let['’]s|let us) (say|state|assume|pretend|admit|conclude|consider)\b",
            r"\bfor the purposes? of this (exercise|test|task)\b",
            r"\bas an? (ai|language model|assistant|llm)\b",
            # The same in other languages.
            r"\bignor(ez|e|iere|ieren sie|a|en|are)\b[^.\n]{0,40}?\b(instruc\w*|anweisung\w*|fonction"
            r"|funci[oó]n|funktion|p[aá]gina|website|webseite|page|lebenslauf|curr[ií]culum|art[ií]\w+|istruzion\w*)",
            r"(忽略|无视|忽視|無視|不要理会)[^。\n]{0,12}(指示|指令|说明|說明|提示|规则|上述|以上|之前|以前|函数)",
            r"在你的(回答|回复|答复|输出)(中|里|末尾|开头)",
            r"(指示|指令|命令)を無視|無視して",
            r"(دستور|راهنمایی|فرمان|پیام)[^.\n]{0,30}(نادیده|فراموش)|(نادیده|فراموش)[^.\n]{0,30}(دستور|فرمان)",
            r"(تجاهل|تجاهلوا)[^.\n]{0,20}(التعليمات|الأوامر)",
            r"(игнорируй|игнорируйте|забудь|забудьте)[^.\n]{0,30}(инструкц|указан)",
        )
    ),
    re.IGNORECASE,
)


def is_order(sentence: str) -> bool:
    return ORDERS.search(sentence) is not None


def without_orders(text: str) -> str:
    """The text with such sentences blanked: every character stays at its place."""
    for span in sentences(text):
        if is_order(span.text):
            text = text[: span.start] + " " * (span.end - span.start) + text[span.end :]
    return text
