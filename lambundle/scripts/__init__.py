"""What a text asks for: shebangs, words of shell scripts, imports of Python modules."""
