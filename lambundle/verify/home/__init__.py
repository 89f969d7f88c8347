"""The comparison with home: a job done on the packing machine, and what of its result differs from the bundle's."""
