"""``python -m lambundle``."""

from lambundle.cli import main

main()
