"""``--fix``: a new bundle with the files that the old one lacks."""
