"""Dependencies of programs beyond DT_NEEDED: evidence, rules, and the files that they select.

In this room: names and paths in files (``evidence``), rules as data (``rules``), facilities (``facilities``), packages
and their files (``selection``), files of unpackaged programs (``installation``), and the order of all steps
(``discovery``). It proposes candidates with reasons; ``gather`` adds them.
"""
