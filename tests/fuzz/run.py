"""Fuzzes one target in this process: ``python -m tests.fuzz.run TARGET [libFuzzer's options and directories]``."""

from __future__ import annotations

import sys

import atheris


def main() -> None:
    """Read the target with its coverage, and give it bytes until libFuzzer ends."""
    name, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["lambundle"]):
        from tests.fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
