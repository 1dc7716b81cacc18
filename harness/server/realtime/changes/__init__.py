"""From a committed row to the frame that those who may see it get."""
