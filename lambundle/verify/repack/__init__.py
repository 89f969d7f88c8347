"""Packs a bundle again by its own command and what was missing: what a cure says, and how it is tried."""
