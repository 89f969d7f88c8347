"""Runs a function in the sandbox as Lambda does, and serves it the Runtime API."""
