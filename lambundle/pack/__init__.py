"""The plan of a bundle: a request becomes a manifest, with launchers and the search order of libraries."""
