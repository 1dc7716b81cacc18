"""Who may ask the admin port: programs of this machine, and no page in its browser.

A web page can make a browser send to any address, loopback too, and needs nobody's leave for what
looks like a form. It cannot keep the browser from saying so: ``Origin`` comes with every POST,
PATCH and preflight of a page, ``Sec-Fetch-Site`` with everything else since 2023. And a page whose
host name is made to point here (DNS rebinding) still has that name in ``Host``. What the body
calls itself does not matter, so that ``curl -d`` needs no header.
"""

from __future__ import annotations

import ipaddress

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class AdminGuard:
    """An application that only programs reach; all others get a 403 that says why."""

    def __init__(self, app: ASGIApp, bound_to: str) -> None:
        """``bound_to``: the address that the port listens on, as the socket has it."""
        self._app = app
        self._on_loopback = is_loopback(bound_to)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = refusal(Headers(scope=scope), on_loopback=self._on_loopback)
        app = self._app if problem is None else JSONResponse({"error": problem}, 403)
        await app(scope, receive, send)


def refusal(headers: Headers, *, on_loopback: bool) -> str | None:
    """Why a request with these headers is refused; ``None`` where it is not."""
    if "origin" in headers:
        return "Origin: the admin port takes no requests of web pages"
    # "none" is a person who typed the address.
    if headers.get("sec-fetch-site", "none") != "none":
        return "Sec-Fetch-Site: the admin port takes no requests of web pages"
    if on_loopback and not is_loopback(_host_name(headers.get("host", ""))):
        return "Host: must be localhost or a loopback address, such as 127.0.0.1"
    return None


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own whatever a name server says."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_name(host: str) -> str:
    """``Host`` without its port, in lower case; an IPv6 address without its brackets."""
    name = host.lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0]
