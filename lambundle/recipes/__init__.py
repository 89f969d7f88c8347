"""Recipes: what a family of programs needs that no general rule finds, as data; one TOML file each."""
