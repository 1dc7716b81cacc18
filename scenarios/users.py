"""The Locust user: one emulated browser client each."""

from __future__ import annotations

from typing import Any

from locust import User, task
from locust.exception import StopUser

from scenarios.load import generator_of


class ChatUser(User):  # type: ignore[misc]  # Locust ships no types
    """Opens the page, lives by the plan, and closes the page when the test stops."""

    @task  # type: ignore[untyped-decorator]
    def live(self) -> None:
        generator = generator_of(self.environment)
        if generator is None:
            raise StopUser
        index = generator.lease()
        if index is None:  # more users than the scenario has: they would have nothing to do
            raise StopUser
        driver: Any = generator.start_user(index)
        try:
            generator.stopping.wait()
        finally:
            driver.stop()
        raise StopUser
