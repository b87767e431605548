"""tokenizer.py: any text comes back unchanged, and every token can be shown."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Engine
from tokenizers import models

from model.tokenizer import Tokenizer

pytestmark = pytest.mark.once

TEXTS = {
    "empty": "",
    "one space": " ",
    "double spaces": "two  spaces   or more",
    "leading space": "  indented",
    "trailing space": "left open ",
    "line breaks": "one\ntwo\r\nthree\ttab",
    "emoji": "a 🚲 and a 👩🏽‍🚀",
    "Arabic": "رجل يركب دراجة حمراء",
    "Chinese": "一个男人骑着红色自行车",
    "combining marks": "e\u0301 a\u0308 n\u0303",
    "variation selector": "❤\ufe0f",
    "zero-width": "zero\u200bwidth\u200d\ufeff",
    "no-break space": "10\u00a0km",
    "null": "\x00",
    "sign of a space": "▁a▁b",
    "sign of a byte": "<0x41>",
    "end token": "</s>",
    "start token": "<s>",
    "padding token": "<pad>",
    "special tokens in a sentence": "Say <s> and </s>, then <pad><pad>.",
    "letters of the byte alphabet": "ĠĊÃ©",
    "highest code point": "\U0010ffff",
}
SPECIAL_IDS = {0, 1, 2}
every_text = pytest.mark.parametrize("text", list(TEXTS.values()), ids=list(TEXTS))


# Round trip


@given(st.text())
@example("</s>")
@example("  ")
def test_decode_inverts_encode(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@every_text
def test_decode_inverts_encode_of_odd_text(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.text())
def test_bytes_of_tokens_are_the_bytes_of_the_text(tokenizer, text):
    assert b"".join(map(tokenizer.token_bytes, tokenizer.encode(text))) == text.encode()


@given(st.text() | st.sampled_from(sorted(TEXTS.values())))
def test_typed_text_never_holds_a_special_id(tokenizer, text):
    assert not SPECIAL_IDS & set(tokenizer.encode(text))


def test_special_tokens_seen_in_training_stay_text():
    tokenizer = Tokenizer.train(["<s> </s> <pad>", "a</s>b<s>c<pad>"] * 50, 300)
    assert not SPECIAL_IDS & set(tokenizer.encode("<s></s><pad> a</s>"))


@pytest.fixture(scope="module")
def loaded(tokenizer, tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(path)
    return Tokenizer.load(path)


@every_text
def test_a_loaded_tokenizer_encodes_alike(tokenizer, loaded, text):
    assert loaded.encode(text) == tokenizer.encode(text)


@every_text
def test_a_loaded_tokenizer_decodes_alike(loaded, text):
    assert loaded.decode(loaded.encode(text)) == text


def test_a_batch_encodes_like_single_texts(tokenizer):
    texts = list(TEXTS.values())
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]


def test_training_twice_gives_the_same_tokenizer(tmp_path):
    for name in ("one", "two"):
        Tokenizer.train(["A man rides a red bike."] * 3, 280).save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_frequent_words_become_one_token(tokenizer):
    assert len(tokenizer.encode(" ein")) == 1


def test_vocab_size_counts_every_id(tokenizer):
    assert len({tokenizer.readable(i) for i in range(tokenizer.vocab_size)}) > 300


def test_special_ids_are_the_first_three(tokenizer):
    assert (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id) == (0, 1, 2)


# What cannot be


@pytest.mark.parametrize("text", ["\ud83d", "a\udc00b"])
def test_a_lone_surrogate_is_refused_with_a_sentence(tokenizer, text):
    with pytest.raises(ValueError, match=r"^The text holds half a character .*\.$") as error:
        tokenizer.encode(text)
    assert not isinstance(error.value, UnicodeError)


@pytest.mark.parametrize("token_id", [-1, 400, 10**6])
def test_an_id_outside_the_vocabulary_is_refused_with_the_range(tokenizer, token_id):
    with pytest.raises(ValueError, match=f"no token {token_id}: ids run from 0 to 399"):
        tokenizer.token_bytes(token_id)


def test_bytes_that_form_no_character_decode_to_a_sign(tokenizer):
    first_byte = tokenizer.encode("🚲")[0]
    assert tokenizer.decode([first_byte]) == "\ufffd"


def test_special_ids_decode_to_nothing(tokenizer):
    assert tokenizer.decode([1, *tokenizer.encode("ein"), 2, 0]) == "ein"


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b"\xff\xfe", b'{"model": {"type": "BPE"}}'])
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="tokenizer"):
        Tokenizer.load(path)


def test_a_tokenizer_without_our_special_tokens_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    Engine(models.BPE(vocab={"a": 0}, merges=[])).save(str(path))
    with pytest.raises(ValueError, match="lacks one of <pad>, <s>, </s>"):
        Tokenizer.load(path)


# Readable forms


def shown(tokenizer, text):
    return "".join(map(tokenizer.readable, tokenizer.encode(text)))


def test_a_word_start_is_visible(tokenizer):
    assert shown(tokenizer, " ein  Hund") == "·ein··Hund"


def test_parts_of_a_character_are_shown_as_bytes(tokenizer):
    assert shown(tokenizer, "🚲") == "⟨F0⟩⟨9F⟩⟨9A⟩⟨B2⟩"


def test_whole_characters_are_shown_as_such():
    tokenizer = Tokenizer.train(["über Äpfel 一个"] * 20, 300)
    assert shown(tokenizer, "über 一个") == "über·一个"


@pytest.mark.parametrize(("name", "sign"), [("pad_id", "⟨pad⟩"), ("bos_id", "⟨s⟩"), ("eos_id", "⟨/s⟩")])
def test_special_tokens_are_shown_by_name(tokenizer, name, sign):
    assert tokenizer.readable(getattr(tokenizer, name)) == sign


def test_a_typed_special_token_looks_typed(tokenizer):
    assert shown(tokenizer, "</s>") == "</s>"


@pytest.mark.parametrize(
    ("text", "sign"),
    [("\n", "⏎"), ("\t", "⇥"), ("\r", "␍"), ("\x00", "⟨U+0000⟩"), ("\x7f", "⟨U+007F⟩")],
)
def test_control_characters_become_visible(tokenizer, text, sign):
    assert shown(tokenizer, text) == sign


@pytest.mark.parametrize(
    ("character", "sign"),
    [
        ("\u200b", "⟨U+200B⟩"),
        ("\u00a0", "⟨U+00A0⟩"),
        ("\u2028", "⟨U+2028⟩"),
        ("\u202e", "⟨U+202E⟩"),
        ("\ufe0f", "⟨U+FE0F⟩"),
        ("\u0301", "◌\u0301"),
    ],
)
def test_invisible_characters_become_visible(character, sign):
    tokenizer = Tokenizer.train([f"{character}{character}"] * 50, 265)
    assert shown(tokenizer, character) == sign


def test_every_token_is_readable(tokenizer):
    unreadable = [
        token_id
        for token_id in range(tokenizer.vocab_size)
        if not tokenizer.readable(token_id).strip()
        or any(unicodedata.category(c) in ("Cc", "Cf", "Zs", "Zl") for c in tokenizer.readable(token_id))
    ]
    assert unreadable == []


@given(st.text(min_size=1))
def test_readable_forms_hold_no_control_character(tokenizer, text):
    signs = shown(tokenizer, text)
    assert not [c for c in signs if unicodedata.category(c) in ("Cc", "Cf", "Zs", "Zl", "Zp")]
