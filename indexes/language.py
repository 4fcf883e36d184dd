"""The language of a text: by its script where that decides, by a classifier where it does not."""

import re
from typing import Literal

Script = Literal["latin", "arabic", "han", "kana", "hangul", "other"]

LETTERS: dict[Script, re.Pattern[str]] = {
    "latin": re.compile("[A-Za-z\u00c0-\u024f]"),
    "arabic": re.compile("[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]"),
    "han": re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"),
    "kana": re.compile("[\u3040-\u30ff]"),
    "hangul": re.compile("[\uac00-\ud7af\u1100-\u11ff]"),
    "other": re.compile("[\u0370-\u052f\u0590-\u05ff\u0900-\u0fff\u10a0-\u10ff]"),
}
WEIGHT: dict[Script, int] = {"han": 3, "hangul": 2}  # such a character says as much as a short word
JAPANESE = 0.1  # share of kana from which Han characters are Japanese
URDU = re.compile("[ٹڈڑںےہ]")
PERSIAN = re.compile("[پچژگ]")
PERSIAN_FORMS = re.compile("[یک]")  # in Arabic these two have codes of their own
ARABIC_FORMS = re.compile("[ةىإيك]")
LANGUAGES = [
    "ar", "az", "bn", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hu", "id", "it",
    "ja", "ko", "nl", "no", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "ur", "vi", "zh",
]  # fmt: skip
CONFIDENT = 0.8  # probability below which a few words in ASCII are taken for English
SAMPLE = 2_000  # characters; more of a text say no more of its language


def script(text: str) -> Script:
    """The script that says most of the text; latin where it has no letters."""
    counts: dict[Script, int] = {name: len(letters.findall(text)) for name, letters in LETTERS.items()}
    if counts["kana"] >= JAPANESE * (counts["kana"] + counts["han"]) and counts["kana"]:
        counts["kana"] += counts.pop("han")
    return max(counts, key=lambda name: counts[name] * WEIGHT.get(name, 1))


class LanguageDetector:
    """Needs about 1.5 s to be made."""

    def __init__(self) -> None:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        self._identifier.set_languages(LANGUAGES)

    def detect(self, text: str) -> str:
        """ISO 639-1."""
        sample = text[:SAMPLE]
        match script(sample):
            case "han":
                return "zh"
            case "kana":
                return "ja"
            case "hangul":
                return "ko"
            case "arabic":
                if decided := _of_arabic_script(sample):
                    return decided
        language, probability = self._identifier.classify(sample)
        if sample.isascii() and probability < CONFIDENT:
            return "en"
        return str(language)


def _of_arabic_script(text: str) -> str | None:
    urdu, persian = len(URDU.findall(text)), len(PERSIAN.findall(text))
    if urdu:
        return "ur" if urdu > persian / 4 else "fa"
    if persian:
        return "fa"
    persian_forms, arabic_forms = len(PERSIAN_FORMS.findall(text)), len(ARABIC_FORMS.findall(text))
    if persian_forms == arabic_forms:
        return None
    return "fa" if persian_forms > arabic_forms else "ar"
