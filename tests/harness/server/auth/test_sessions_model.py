"""Sessions over the real store beside a model that only keeps lists, whatever happens to them.

The model knows a session as its chain of refresh tokens; it is written from the rules and not
from the code: the newest live token is active, its parent is answered with it, others are taken
within the interval since their last use, and a later reuse ends the chain.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from harness.server.auth.errors import AuthError
from harness.server.auth.service import LogoutScope
from harness.server.auth.store import Session
from tests.harness.server.auth.project import Project, counting_chance

INTERVAL_S = 10.0
EMAILS = ("ann@example.com", "bob@example.com")


@dataclass
class Chain:
    """A session of the model."""

    email: str
    tokens: list[str] = field(default_factory=list)
    parent: dict[str, str] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)
    used_s: dict[str, float] = field(default_factory=dict)
    ended: bool = False

    @property
    def active(self) -> str | None:
        return next((token for token in reversed(self.tokens) if token in self.live), None)

    def add(self, token: str, parent: str, now_s: float) -> None:
        assert token not in self.tokens
        self.tokens.append(token)
        self.parent[token] = parent
        self.live.add(token)
        self.used_s[token] = now_s


class Sessions(RuleBasedStateMachine):
    """Sign-ins, refreshes with any token ever seen, log-outs, restarts, and time that passes."""

    presented = Bundle("presented")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name, "auth.db")
        self.chance = counting_chance()
        self.project = self._start()
        self.chains: dict[str, Chain] = {}

    def teardown(self) -> None:
        self.project.store.close()
        self.folder.cleanup()

    @rule(target=presented, email=st.sampled_from(EMAILS))
    def sign_in(self, email: str) -> tuple[str, str]:
        granted = self.project.enrol(email)
        chain = Chain(email)
        chain.add(granted.refresh_token, "", self.project.now_s)
        session_id = self._session_of(granted.refresh_token).id
        self.chains[session_id] = chain
        return session_id, granted.refresh_token

    @rule(target=presented, which=presented)
    def refresh(self, which: tuple[str, str]) -> tuple[str, str]:
        session_id, token = which
        chain, now_s = self.chains[session_id], self.project.now_s
        answered = self._answer(token)
        if chain.ended:
            assert answered is None
            return which
        if answered is None:
            assert token not in chain.live
            assert chain.active is None or chain.parent[chain.active] != token
            assert now_s > chain.used_s[token] + INTERVAL_S
            chain.used_s.update(dict.fromkeys(chain.live, now_s))
            chain.live.clear()
            return which
        if token not in chain.live and chain.active and chain.parent[chain.active] == token:
            assert answered == chain.active
            return session_id, answered
        assert token in chain.live or now_s <= chain.used_s[token] + INTERVAL_S
        chain.live.discard(token)
        chain.used_s[token] = now_s
        chain.add(answered, token, now_s)
        return session_id, answered

    @rule(which=presented, scope=st.sampled_from(["global", "local", "others"]))
    def log_out(self, which: tuple[str, str], scope: LogoutScope) -> None:
        session_id, _ = which
        session = self.project.store.session(session_id)
        if session is None:
            return
        account = self.project.store.account(session.account_id)
        assert account is not None
        self.project.auth.log_out(account, session, scope)
        for number, chain in self.chains.items():
            if chain.email == account.email:
                mine = number == session_id
                chain.ended |= scope == "global" or mine == (scope == "local")

    @rule(seconds=st.sampled_from([0.25, 5.0, INTERVAL_S, INTERVAL_S + 0.5]))
    def wait(self, seconds: float) -> None:
        self.project.now_s += seconds

    @rule()
    def restart(self) -> None:
        now_s = self.project.now_s
        self.project.store.close()
        self.project = self._start()
        self.project.now_s = now_s

    @invariant()
    def the_store_has_the_sessions_and_active_tokens_of_the_model(self) -> None:
        for session_id, chain in self.chains.items():
            assert (self.project.store.session(session_id) is None) == chain.ended
            active = self.project.store.active_token(session_id)
            expected = None if chain.ended else chain.active
            assert (active.token if active else None) == expected

    def _start(self) -> Project:
        return Project(self.path, chance=self.chance, refresh_reuse_interval_s=INTERVAL_S)

    def _answer(self, token: str) -> str | None:
        """What a refresh answers with; ``None`` where it is refused."""
        try:
            return self.project.auth.refresh(token, self.project.now_unix_s).refresh_token
        except AuthError:
            return None

    def _session_of(self, token: str) -> Session:
        stored = self.project.store.refresh_token(token)
        assert stored is not None
        session = self.project.store.session(stored.session_id)
        assert session is not None
        return session


Sessions.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestSessions = Sessions.TestCase
