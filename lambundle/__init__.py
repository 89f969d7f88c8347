"""lambundle packs an installed program into one zip that does its real job on AWS Lambda."""

__version__ = "0.1.0"
