"""Chatquake as a native Locust file.

locust -f locustfile.py --scenario ws-blocked --headless -u 50 -r 25 -t 45s
"""

from locust import events

from scenarios.load import register
from scenarios.users import ChatUser

__all__ = ["ChatUser"]

register(events)
