"""The browser repeats a POST."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import IN_RECORDS, Evidence, Means, Setting, Stage, steady
from chaos.faults.moves import Moved
from harness.runsettings import Text


class PostRepeated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """H7: a POST's kept connection breaks before its answer, and the browser sends it again.

    The server has done the work of the first by then, so a room without S5 stores the message
    twice. A POST on a fresh connection is spared: browsers repeat none of those.
    """

    kind: ClassVar[str] = "post_repeated"
    means: ClassVar[Means] = "browser"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002
        """The same from begin to end; the argument is the protocol's."""
        return steady(Moved(go=("break_posts",), back=("spare_posts",)))

    def evidence(self) -> Evidence:
        return IN_RECORDS

    def sentence(self) -> Text:
        return Text(
            en=(
                "What is sent is sent twice: the connection breaks before the answer, and the"
                " browser tries again."
            ),
            ko="보내는 요청이 두 번 나갑니다. 응답 전에 연결이 끊겨 브라우저가 다시 보냅니다.",
        )
