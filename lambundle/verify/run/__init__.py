"""Runs of a bundle: what is run, where it is unpacked, the trace that comes back."""
