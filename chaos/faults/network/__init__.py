"""Faults of the network between a cohort and the server."""
