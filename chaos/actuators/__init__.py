"""The hands of the director: each plays faults on one part of the rig."""
