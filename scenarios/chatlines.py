"""What people write in a webinar chat, in Korean and English, from a seed.

Faker gives the names, companies and words; the shapes of the lines are ours. Some lines are
there because a chat must survive them: emoji, very long ones, text that looks like markup, SQL
or JSON, characters outside of the basic plane.
"""

from __future__ import annotations

from random import Random

from faker import Faker

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

_AWKWARD = (
    "<script>alert('hi')</script>",
    "<b>bold?</b> &amp; &lt;not&gt; markup",
    "'; DROP TABLE messages; --",
    "SELECT * FROM users WHERE name = 'O''Brien' OR 1=1",
    '{"type":"phx_leave","payload":{}}',
    "back\\slash \\n and \"quotes\" and 'apostrophes' and `ticks`",
    "tab\there, and a line\nbreak",
    "👩‍👩‍👧‍👦 family, 🇰🇷 flag, é as e + accent: e\u0301",
    "𠮷野家で会いましょう",
    "مرحبا بكم في الندوة",
    "%s %d {0} ${HOME} {{braces}}",
    "https://example.com/?q=chat&room=1#top",
)


def chat_lines(seed: int) -> tuple[str, ...]:
    """A pool of :data:`POOL_SIZE` lines to draw from; follows from the seed alone.

    Building it costs tens of milliseconds (Faker's locales), so draw many lines from one pool.
    """
    rng = Random(seed)
    korean, english = Faker("ko_KR"), Faker("en_US")
    korean.seed_instance(seed)
    english.seed_instance(seed)
    lines = list(_AWKWARD)
    while len(lines) < POOL_SIZE:
        draw = rng.random()
        if draw < 0.04:
            lines.append(_long(english, rng))
        elif draw < 0.60:
            lines.append(_filled(rng.choice(_KOREAN), korean, rng))
        else:
            lines.append(_filled(rng.choice(_ENGLISH), english, rng))
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


def _long(people: Faker, rng: Random) -> str:
    """A question that somebody pasted from elsewhere, some hundred to 2,000 characters."""
    text: str = people.text(max_nb_chars=rng.randint(300, 2_000))
    return text
