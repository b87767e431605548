"""text.py: what looks the same is read the same; what means something stays."""

from __future__ import annotations

import random
import unicodedata

import pytest

from model.text import UNSEEN, Reading, read, read_on, reading
from model.tokenizer import Tokenizer
from tests.helpers import disguise

pytestmark = pytest.mark.once

SEEDS = range(20)
SENTENCES = [
    "A man rides a red bike.",
    'He said: "It\'s fine," and left - the first staff office of part IV; why?!',
    "Ein Mädchen isst 3 Äpfel – übermäßig groß, 5/6 davon...",
    "Où est l'école ? Ça coûte 20 € — c'est très cher !",
    "I'm sorry, I don't know where my keys are.",
]


@pytest.mark.parametrize("text", SENTENCES)
@pytest.mark.parametrize("seed", SEEDS)
def test_text_that_looks_the_same_is_read_the_same(text: str, seed: int):
    rng = random.Random(seed)
    for _ in range(10):
        typed = disguise.disguised(text, rng)
        assert read(typed) == text, ascii(typed)


PASTED = {
    "no-break space": ("A\u00a0man rides a red\u202fbike.", "A man rides a red bike."),
    "tabs and line ends": ("A man\t\trides\r\na red\u2028bike.\n\n", "A man rides a red bike."),
    "blank letters": ("A\u3164man\u2800rides.", "A man rides."),
    "byte order mark, then a space": ("\ufeff Hello.", "Hello."),
    "soft hyphen": ("under\u00adstand", "understand"),
    "a word that a PDF reader broke": ("infor\ufffemation", "information"),
    "direction marks of a messenger": ("\u202aAnna\u202c \u200ewrote.", "Anna wrote."),
    "a selector behind a letter": ("a\ufe0f \u2014 1\ufe0f", "a \u2014 1"),
    "joiners in a Latin word, and in a quote": ("d\u200co\u200dg \u201c\u200d\u201d", 'dog ""'),
    "a hidden message behind an emoji": ("\U0001f600\U000e0068\U000e0069", "\U0001f600"),
    "accents in two parts": ("U\u0308bermut, e\u0301cole, c\u0327a", "Übermut, école, ça"),
    "an accent parted from its letter": ("e\u200b\u0301cole", "école"),
    "a PDF's dotless i": ("na\u0131\u0308ve", "naïve"),
    "i with a second dot, from lower-casing": ("i\u0307stanbul", "istanbul"),
    "LaTeX's quotes": ("``quoted\u00b4\u00b4", '"quoted"'),
    "two primes": ("6\u2032 2\u2032\u2032 = 6\u2032 2\u2033", "6' 2\" = 6' 2\""),
    "low and high quotes": ("\u201edas\u201c, \u201aes\u2018", "\"das\", 'es'"),
    "angle quotes": ("\u00bbda\u00ab, \u2039so\u203a", "\"da\", 'so'"),
    "two low commas": (",,das''", '"das"'),
    "an acute accent for an apostrophe": ("don\u00b4t", "don't"),
    "hyphens and minus": ("tri\u2011colour \u2212 co\u2010op", "tri-colour - co-op"),
    "figure dash and horizontal bar": ("1\u20122 \u2015 so", "1\u20132 \u2014 so"),
    "Cyrillic in a word": ("А m\u0430n r\u0456d\u0435s", "A man rides"),
    "Cyrillic with accents": ("na\u0457ve \u04d3lter", "naïve älter"),
    "Cyrillic, a stress mark on it": ("w\u0430\u0301ter", "wáter"),
    "Greek in a word": ("\u039cichael l\u03bfves", "Michael loves"),
    "a Greek question mark": ("Why\u037e", "Why;"),
    "Kelvin and \u00c5ngstr\u00f6m signs": ("\u212aim \u212bsa", "Kim Åsa"),
    "Roman numerals": ("Henry \u2167", "Henry VIII"),
    "Arabic letters by their shape": ("\ufee3\ufeae\ufea3\ufe92\ufe8e", "مرحبا"),
    "half-width katakana": ("\uff76\uff9e", "ガ"),
    "half-width Korean letters": ("\uffbb", "ㅋ"),
    "Thai sara am in two parts": ("\u0e19\u0e49\u0e4d\u0e32", "\u0e19\u0e49\u0e33"),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "text"), PASTED.values(), ids=PASTED)
def test_what_is_pasted_is_read_as_it_looks(typed: str, text: str):
    assert read(typed) == text


KEPT = {
    "powers": "x² + y₁ = 10⁻³",
    "fractions": "½ of it, 1⁄3 of that",
    "signs": "5 € + 3 £ ≠ 20 °C ± 2 %",
    "trademarks and circles": "Glass™ ① Ⓐ ㎏",
    "ordinals": "1ª y 2º",
    "a family, joined": "A 👨‍👩‍👧‍👦 and a ❤️‍🔥",
    "skin tones": "👩🏽‍🚀 waves 👋🏿",
    "a nod and a heart": "🙂‍↔️ ❤️",
    "a keycap": "Press 1️⃣ or #️⃣",
    "flags": "🇩🇪 and 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "Arabic": "مرحبا بالعالم، كيف حالك؟",
    "Persian with a non-joiner": "می‌خواهم",
    "Hindi": "नमस्ते दुनिया, क्‍ष क्ष",
    "Thai": "ฉันทำงานที่นี่ น้ำ",
    "Lao": "ຂ້ອຍກຳລັງເຮັດວຽກ ໝາ",
    "Japanese": "日本語の「テスト」です。ガギグ",
    "Chinese": "我爱你。",
    "Korean": "안녕하세요 ㅋㅋㅋ ㅎㅏ",
    "Mongolian with its selectors": "ᠮᠣᠩᠭᠣᠯ ᠰᠠᠷ᠎ᠠ",
    "Hebrew": "שלום עולם, צה״ל",
    "Russian": "Он сказал: а я и не знал.",
    "Russian and English": "Я люблю iPhone, а не Android.",
    "Russian endings behind a Latin word": "Xбокс и USBшник",
    "Ukrainian": "Її їжа",
    "Greek": "Ο άνθρωπος οδηγεί ένα ποδήλατο.",
    "Old Greek in English": "The article ὁ stands before a noun.",
    "Turkish": "Isı ıslak, İzmir",
    "Icelandic and Polish": "Það er Łódź, œuvre, straße",
    "private and unknown code points": "a \ue000 \U000e1000 \U0010fffd b",
    "half a character": "a \ud83d b",
    "typed tags": "</s> <pad>",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_means_something_stays(text: str):
    assert reading(text).text == text
    assert reading(text).changes == ()


ODD = [*UNSEEN.replace("-", ""), *disguise.SPACES, *disguise.UNSEEN, *"".join(disguise.SIGNS.values())]
ODD += [*"".join(disguise.LOOKALIKES.values()), *"\u0301\u0307\u0308\u0131ij\u20e3\u0e4d\u0e32,',\"`a1#"]
ODD += [*"👨👩🏽🏴❤ℹ‼™क्ミㅎㅏᄒ\u1100\u1161\u0430б\ud83d\U000e0067\U000e007f"]


@pytest.mark.parametrize("seed", SEEDS)
def test_reading_twice_is_reading_once(seed: int):
    rng = random.Random(seed)
    for _ in range(300):
        anything = [chr(rng.randrange(rng.choice([0x80, 0x600, 0x3200, 0x110000]))) for _ in range(6)]
        typed = "".join(rng.choices([*ODD, *anything], k=rng.randint(1, 12)))
        text = read(typed)
        assert read(text) == text, ascii(typed)


def test_every_code_point_is_read_and_comes_through_byte_by_byte(tokenizer: Tokenizer):
    """Alone between letters; nothing but the unseen disappears. All of the first ones, some of the others."""
    codes = [*range(0x3200), *random.Random(0).sample(range(0x3200, 0x110000), 5_000)]
    characters = [chr(code) for code in codes if not 0xD800 <= code < 0xE000]
    texts = [read(f"(a{character}b)") for character in characters]
    assert list(map(tokenizer.decode, tokenizer.encode_batch(texts))) == texts
    gone = [c for c, text in zip(characters, texts, strict=True) if text == "(ab)"]
    assert {unicodedata.category(c) for c in gone} <= {"Cc", "Cf", "Cn", "Mn", "Lo"}
    assert [c for c in gone if unicodedata.category(c) == "Lo"] == []


def test_plain_text_of_everyday_is_left_alone():
    for text in SENTENCES:
        assert reading(text).changes == ()


def test_the_reading_says_each_kind_of_change_once():
    told = reading("\ufeffＡ\u200b m\u0430n\u00a0 said: \u201cfi\ufb01\u201d")
    assert told.text == 'A man said: "fifi"'
    assert told.said == (
        "Unseen characters were left out; letters became plain; quotes and hyphens became plain; "
        "Cyrillic or Greek look-alikes became Latin; white space became one space."
    )


@pytest.mark.parametrize("typed", [" Hello. ", "\r\n\u00a0Hello.\n", "\u3000Hello."])
def test_outer_white_space_is_no_news(typed: str):
    assert reading(typed) == Reading(typed, "Hello.", ())
    assert reading(typed).said == ""


@pytest.mark.parametrize("typed", ["", " ", "\u200b", "\ufeff \u00ad", "\u3164\u2800", "\x00"])
def test_what_shows_nothing_is_read_as_nothing(typed: str):
    assert read(typed) == read_on(typed) == ""


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (" und", " und"),
        ("und ", "und"),
        ("\u00a0\tund\u00a0so", " und so"),
        ("\u200b \u201eund\u201c", ' "und"'),
        ("\u3164und", " und"),
        ("\u200bund", "und"),
    ],
)
def test_a_continuation_keeps_the_space_before_it(typed: str, text: str):
    assert read_on(typed) == text
