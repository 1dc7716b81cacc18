"""Faults of the reference server, by its knobs and defects, and by its process."""
