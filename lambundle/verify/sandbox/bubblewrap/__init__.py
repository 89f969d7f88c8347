"""The sandbox by bubblewrap, and the supervisor process that holds one environment."""
