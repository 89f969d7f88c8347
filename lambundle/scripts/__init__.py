"""What scripts start and load: shebangs, words of shell scripts, imports of Python modules.

Texts are parsed, never run. Which of the answers goes into a bundle is decided in ``discover``.
"""
