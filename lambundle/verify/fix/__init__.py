"""``--fix``: a new bundle out of an old one and what it lacks."""
