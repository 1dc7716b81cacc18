"""Whose fault it is decides what an error does.

A :class:`UsageError` is the user's and ends with exit code 2 before anything starts. A
:class:`RigError` is the harness's own (a port, a child process, Toxiproxy) and makes a run
invalid. What a *server under test* does wrong is no exception at all: it is a finding, and is
recorded.
"""

from __future__ import annotations


class ChatquakeError(Exception):
    """Base of all errors that are shown to the user as one line."""


class UsageError(ChatquakeError):
    """The user asked for something that cannot be: says what, where, and what is allowed."""


class RigError(ChatquakeError):
    """A part of the harness cannot do its work: says which, why, and what to do."""


class RecordError(ChatquakeError):
    """A run directory or one of its files cannot be read: says which file and where."""


class LocalProtocolError(ChatquakeError):
    """Our own code asked a state machine for something illegal; nothing was changed."""
