"""A tokenizer whose tokens are words: chunks are bounded by it where no model is needed."""

from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace


def word_tokenizer(folder: Path) -> Path:
    """Its file in ``folder``."""
    words = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()  # type: ignore[assignment]
    file = folder / "tokenizer.json"
    words.save(str(file))
    return file
