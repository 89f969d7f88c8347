"""The sandbox by bubblewrap, and the keeper process that holds one environment."""
