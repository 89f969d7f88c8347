"""From a request to a manifest: the plan, the launchers' texts, the libraries' search order."""
