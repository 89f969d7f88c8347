"""The commands: parse arguments, call the verbs, print, exit.

Every word and colour that a person sees is here; no decision about a bundle is.
"""
