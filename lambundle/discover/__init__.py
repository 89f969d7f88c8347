"""What a program needs beyond DT_NEEDED: evidence, the rules that weigh it, and what they choose.

In this room: texts and imports in files (``evidence``), rules as data (``rules``), what libraries' users need
(``facilities``), which of a package's files are wanted (``selection``), what no package owns (``installation``), and
the order in which all are asked (``discovery``). It says what is wanted and why; ``gather`` takes it.
"""
