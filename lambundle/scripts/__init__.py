"""Scripts: shebangs, commands in shell scripts, imports of Python modules.

Scripts are parsed, never run. ``discover`` decides which of the results are added.
"""
