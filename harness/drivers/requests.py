"""The HTTP requests of one page under way, each in a greenlet of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import gevent

from harness.client.commands import StartRequest
from harness.drivers.http_pool import Answer, HttpPool, NoAnswer
from harness.errors import LocalProtocolError


class Owner(Protocol):
    """Hears what becomes of the requests; called from their greenlets."""

    def request_answered(self, number: int, answer: Answer) -> None: ...

    def request_failed(self, number: int, reason: str) -> None: ...

    def request_repeated(self, number: int) -> None:
        """H7: the browser sends it again by itself."""
        ...

    def request_crashed(self, error: BaseException) -> None:
        """Our own code failed."""
        ...


class Requests:
    """Told by the session which to start and abort; ``owner`` hears how they end."""

    __slots__ = ("_api", "_make_project", "_owner", "_project", "_suspended", "_under_way")

    def __init__(
        self, api: HttpPool, make_project: Callable[[], HttpPool] | None, owner: Owner
    ) -> None:
        """``make_project``: makes the connections to the project's gateway (Auth), for the few
        who need any."""
        self._api = api
        self._make_project = make_project
        self._project: HttpPool | None = None
        self._owner = owner
        self._under_way: dict[int, Any] = {}
        """The greenlet of each request without an answer yet."""
        self._suspended = False

    # -- one of them ----------------------------------------------------------------------

    def start(self, command: StartRequest, *, has_network: bool) -> None:
        run = self._perform if has_network else self._refuse
        self._under_way[command.request] = gevent.spawn(run, command)

    def abort(self, number: int) -> None:
        """Nobody waits for it any more."""
        self._under_way.pop(number).kill(block=False)

    def _refuse(self, command: StartRequest) -> None:
        if self._is_waited_for(command.request):
            self._owner.request_failed(command.request, "offline")

    def _perform(self, command: StartRequest) -> None:
        number = command.request
        try:
            answer = self._pool_of(command).request(
                command.method,
                command.path,
                command.body,
                lambda: self._owner.request_repeated(number),
            )
        except NoAnswer as failure:
            if self._is_waited_for(number):
                self._owner.request_failed(number, str(failure))
        except Exception as error:  # noqa: BLE001 - a crash is the rig's, and must be heard of
            self._under_way.pop(number, None)
            self._owner.request_crashed(error)
        else:
            if self._is_waited_for(number):
                self._owner.request_answered(number, answer)

    def _pool_of(self, command: StartRequest) -> HttpPool:
        if command.to == "api":
            return self._api
        if self._project is None:
            if self._make_project is None:
                raise LocalProtocolError("a page asks Auth, and nothing connects to it")
            self._project = self._make_project()
        return self._project

    def _is_waited_for(self, number: int) -> bool:
        """Whether the page still waits for what this greenlet has, and strike it off if so. Not
        where it was aborted when the answer was already here; another page counts anew."""
        if self._suspended or self._under_way.get(number) is not gevent.getcurrent():
            return False
        del self._under_way[number]
        return True

    # -- all of them ----------------------------------------------------------------------

    def use_token(self, token: str) -> None:
        """The user's requests that start from now on carry this one."""
        self._api.use_token(token)

    def break_posts(self, breaks: bool) -> None:
        """H7: see :meth:`HttpPool.break_posts`."""
        self._api.break_posts(breaks)

    def suspend(self) -> None:
        """The machine sleeps. The page hears of nothing before it wakes, so they stay on the list
        of those that it waits for."""
        self._suspended = True
        self._kill()

    def drop(self) -> tuple[int, ...]:
        """End all at once, and every connection. Answers with their numbers; the owner is not
        told."""
        self._kill()
        numbers = tuple(self._under_way)
        self._under_way.clear()
        self._suspended = False
        self._api.close()
        if self._project is not None:
            self._project.close()
        return numbers

    def _kill(self) -> None:
        for greenlet in self._under_way.values():
            greenlet.kill(block=False)
