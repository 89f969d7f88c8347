"""The truth about a bundle before anything is uploaded."""
