"""Texts that a chat must survive, by what is awkward about them.

Each came from a real way to break a chat: markup that is rendered, quotes that end a query, a row
whose direction turns the rest of the line, letters that are more code points than they seem. None
holds NUL, which PostgreSQL refuses in a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

AWKWARD: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "markup": (
            "<script>alert('hi')</script>",
            "<img src=x onerror=alert(1)>",
            "<b>bold?</b> &amp; &lt;not&gt; markup",
            "**bold** _italic_ [link](javascript:alert(1)) `code`",
        ),
        "sql": (
            "'; DROP TABLE messages; --",
            "SELECT * FROM users WHERE name = 'O''Brien' OR 1=1",
            "1) UNION SELECT id, body FROM messages /* ;",
        ),
        "json and templates": (
            '{"type":"phx_leave","payload":{}}',
            "%s %d {0} ${HOME} {{braces}}",
            "back\\slash \\n and \"quotes\" and 'apostrophes' and `ticks`",
        ),
        "white space": ("tab\there, and a line\nbreak", "so\u00a0close\u200btogether", "  두 칸  "),
        "emoji": (
            # A family and a flag are one sign each and many code points.
            "👩‍👩‍👧‍👦 family, 🇰🇷 flag, 👍🏽 tone, ❤️ with a selector, e\u0301 as e + accent",
            "🎉" * 40,
            "𠮷野家で会いましょう",
        ),
        "combining": (
            "e\u0301te\u0301 nai\u0308ve A\u030angstro\u0308m",
            "\u1112\u1161\u11ab\u1100\u1173\u11af",  # 한글, each letter in its parts (NFD)
            "Z\u0351\u0357\u0343a\u0310\u034bl\u0309\u035bg\u0306\u0352o\u030e\u0358 comes",
            "नमस्ते สวัสดีครับ",
        ),
        "right to left": (
            "مرحبا بكم في الندوة",
            "שלום, האם שומעים אותי? (yes / no)",
            "price: 1,200 \u202e00,21 :ecirp\u202c done",  # an override that turns the letters
            "السؤال 3: ما هو WebSocket؟ 웹소켓",
        ),
        "links": ("https://example.com/?q=chat&room=1#top", "www.예시.한국/경로?값=1"),
    }
)
