"""What scripts start and load: shebangs, words of shell scripts, imports of Python modules."""
