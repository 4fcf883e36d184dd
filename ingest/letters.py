"""Arabic-script letters as they are typed, for PDFs that store the shapes that were printed."""

import re
import unicodedata

SHAPES = re.compile("[\ufb50-\ufdff\ufe70-\ufefc]+")  # Unicode's presentation forms A and B


def typed(text: str) -> str:
    """``text`` with each presentation form replaced by the letters that it stands for (NFKC)."""
    return SHAPES.sub(lambda shapes: unicodedata.normalize("NFKC", shapes.group()), text)
