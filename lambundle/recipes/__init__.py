"""Recipes: the needs of a program family that no general rule finds, as data; one TOML file each."""
