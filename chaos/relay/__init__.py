"""The relay: a process of our own behind Toxiproxy that plays what Toxiproxy cannot.

It knows connections and the first request on each, so it can end a connection by age or idleness,
refuse or strip a WebSocket's upgrade, never answer it, or make single connections silent. Without
rules it passes all bytes on unchanged.
"""
