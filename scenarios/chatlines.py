"""What people write in a webinar chat, in Korean and English, from a seed.

Faker gives the names, companies and words; the shapes of the lines are ours. One line in ten is
there because a chat must survive it (:mod:`scenarios.awkward`) or is very long.
"""

from __future__ import annotations

from random import Random

from faker import Faker

from scenarios.awkward import AWKWARD

POOL_SIZE = 320

_KOREAN = (
    "안녕하세요, {city}에서 듣고 있습니다 😊",
    "{name}님, 질문 있습니다! {topic}도 다뤄 주시나요?",
    "소리가 잘 안 들려요 ㅠㅠ",
    "잘 들립니다 👍",
    "{company}에서 왔습니다. 반갑습니다!",
    "방금 말씀하신 {topic} 다시 한번 설명해 주실 수 있을까요?",
    "ㅋㅋㅋㅋ 공감합니다",
    "자료는 나중에 공유되나요?",
    "{job}로 일하고 있는데 많이 배웁니다 🙏",
    "네",
    "화면이 멈췄어요. 저만 그런가요?",
    "{name}님 감사합니다!! 👏👏👏",
    "오늘 주제는 {topic}이군요",
    "다음 웨비나는 언제인가요? {hour}시였으면 좋겠어요",
)
_ENGLISH = (
    "Hello from {city} 👋",
    "@{name} could you say more about {topic}?",
    "No sound here, anyone else?",
    "Works for me 👍",
    "Joining from {company}, nice to meet you all",
    "Will the slides be shared afterwards?",
    "lol, same here 😂",
    "Question: how does {topic} behave with {hour} regions?",
    "As a {job} I can confirm",
    "+1",
    "Great talk, thank you {name}! 👏",
    "The picture froze for {hour} seconds and came back",
)

REACTIONS = (
    "네",
    "네!",
    "1",
    "+1",
    "👍",
    "👏👏👏",
    "ㅋㅋㅋ",
    "잘 들려요",
    "yes",
    "hi!",
    "🙋",
    "감사합니다!",
)
"""What people answer within seconds when the presenter asks for a sign."""

LONG_SHARE = 0.04
"""Of the lines: what somebody pasted from elsewhere."""
LONG_CHARS = (300, 2_000)
"""Within the 4,000 characters that the reference server takes, and most chats' own limits."""
KOREAN_SHARE = 0.58


def chat_lines(seed: int) -> tuple[str, ...]:
    """A pool of :data:`POOL_SIZE` lines to draw from; follows from the seed alone.

    Building it costs tens of milliseconds (Faker's locales), so draw many lines from one pool.
    """
    rng = Random(seed)
    korean, english = Faker("ko_KR"), Faker("en_US")
    korean.seed_instance(seed)
    english.seed_instance(seed)
    lines = [line for kind in AWKWARD.values() for line in kind]
    while len(lines) < POOL_SIZE:
        people, shapes = (korean, _KOREAN) if rng.random() < KOREAN_SHARE else (english, _ENGLISH)
        if rng.random() < LONG_SHARE:
            lines.append(_long(shapes, people, rng))
        else:
            lines.append(_filled(rng.choice(shapes), people, rng))
    return tuple(lines)


def _filled(shape: str, people: Faker, rng: Random) -> str:
    return shape.format(
        name=people.name(),
        city=people.city(),
        company=people.company(),
        job=people.job(),
        topic=people.catch_phrase(),
        hour=rng.randint(2, 11),
    )


def _long(shapes: tuple[str, ...], people: Faker, rng: Random) -> str:
    """A text that somebody pasted from elsewhere; Faker's own texts are Latin in Korean too."""
    wanted = rng.randint(*LONG_CHARS)
    text = ""
    while len(text) < wanted:
        text += _filled(rng.choice(shapes), people, rng) + " "
    return text[:wanted].strip()
