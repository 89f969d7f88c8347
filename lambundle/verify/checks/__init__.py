"""Checks of what runs showed: smoke, isolation, missing files, environment, limits, start."""
