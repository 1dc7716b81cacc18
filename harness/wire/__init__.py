"""Phoenix frames, database changes and API bodies: typed, both directions, no I/O."""
