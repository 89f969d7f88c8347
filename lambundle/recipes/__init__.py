"""Recipes: what a family of programs needs that no general rule finds, as data.

In this room: one TOML file a family, their reader (``recipe``), and what one finds on a machine (``follow``). What can
be a rule is no recipe: see ``discover``.
"""
