"""Scenarios, the people in them, the Locust users, and the conductor that runs it all."""
