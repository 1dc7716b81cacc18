"""Breaking the network on a schedule, and proving that it broke."""
