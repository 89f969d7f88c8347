"""Where a bundle runs as Lambda would run it: the interface, the bare host, bubblewrap and Docker."""
