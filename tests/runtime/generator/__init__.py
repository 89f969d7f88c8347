"""Random programs that must print the same at home and from a bundle where nothing is installed."""
