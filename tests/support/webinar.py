"""A scenario with people of every kind."""

from __future__ import annotations

from scenarios.model import Scenario, load_scenario

MIX = {
    "presenter": 1,
    "moderator": 1,
    "chatter": 0.3,
    "lurker": 0.4,
    "late-comer": 0.1,
    "leaver": 0.1,
    "double-clicker": 0.1,
}


def webinar(*, seed: int = 1, users: int = 50, duration_s: float = 70, rate: float = 2) -> Scenario:
    """Rooms of 25, each with people of every kind; 60 s of load by default."""
    people = (f"load.people.{name}={value}" for name, value in MIX.items())
    sets = (*people, f"load.messages_per_s_per_room={rate}")
    return load_scenario("steady", seed=seed, users=users, duration_s=duration_s, sets=sets)
