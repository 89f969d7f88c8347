"""Fuzzing with coverage: every reader of what strangers write, on bytes that nobody would write.

``python -m tests.fuzz --minutes 10`` runs them all, with atheris (``pip install -e '.[fuzz]'``).
"""
