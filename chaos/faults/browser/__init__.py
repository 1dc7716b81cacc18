"""Faults in the browser, a file each."""
