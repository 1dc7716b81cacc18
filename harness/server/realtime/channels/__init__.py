"""Channels: one topic on one connection each, from its join to its end. Pure."""
