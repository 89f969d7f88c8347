"""The examples of docs/api.md do what the page says."""

from __future__ import annotations

import doctest
import re
from typing import TYPE_CHECKING

import pytest

import lambundle
from tests import docs

if TYPE_CHECKING:
    from pathlib import Path

API = docs.REPOSITORY / "docs/api.md"


@pytest.mark.integration
def test_the_examples_do_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "\n".join(block.text for block in docs.blocks(API, "pycon"))
    examples = doctest.DocTestParser().get_doctest(text, {}, API.name, str(API), 0)
    assert len(examples.examples) > 25
    said: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(examples, out=said.append)
    assert result.failed == 0, "".join(said)


def test_every_verb_has_an_example() -> None:
    text = "\n".join(block.text for block in docs.blocks(API, "pycon"))
    verbs = {name for name in lambundle.__all__ if not name.startswith("__")}
    assert verbs - set(re.findall(r"lambundle\.(\w+)", text)) == set()
