"""Compiles one C++ file, runs it and says how it went. Needs nothing but Python's standard library."""
