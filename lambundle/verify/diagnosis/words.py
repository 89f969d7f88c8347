"""How programs name a file in what they print: in quotation marks of any kind, before or after their complaint.

Patterns for a word begin where a word does. They would be tried at each of its characters else, and what a hostile
program prints has words of a thousand.
"""

from __future__ import annotations

import re

QUOTE = "['\"`\u2018\u2019\u201c\u201d]"
_PART = "[^\\s:,'\"`\u2018\u2019\u201c\u201d]"
WORD = f"(?<!{_PART}){_PART}+"
"""Text between blanks, colons, commas and quotation marks."""
FIELD = r"(?<!\S)\S+"
"""Text between blanks."""

_NO_FILE = re.compile(
    rf"({WORD}){QUOTE}?: (?:No such file or directory|not found)"
    rf"|(?:[Nn]o such file or directory|[Nn]ot found)(?:: | - ){QUOTE}?({WORD})"
    rf"|cannot open {QUOTE}?({WORD}){QUOTE}?: No such file"
)


def absent(words: str) -> list[str]:
    """The files that were complained of as not there, in their order, each once."""
    return list(dict.fromkeys(next(filter(None, match)) for match in _NO_FILE.findall(words)))
