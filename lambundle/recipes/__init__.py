"""Recipes: the needs of a program family that no general rule finds, as data.

In this room: one TOML file for each family, their reader (``recipe``), and their application to a machine (``follow``).
What can be a rule is no recipe: see ``discover``.
"""
