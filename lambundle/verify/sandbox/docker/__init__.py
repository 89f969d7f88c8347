"""The sandbox by Docker's command line."""
