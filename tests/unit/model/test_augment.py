"""augment.py: another name or number, the same on both sides, and the words around it stay right."""

import random
import re

import pytest

from model.augment import CAPITALISED, KIND, swap_names
from model.new_names import LISTS, SIBILANTS, UNSURE, starts_with_vowel

pytestmark = pytest.mark.once

SEEDS = range(60)
LEAST = {"female": 300, "male": 300, "surname": 150, "city": 200}
GERMAN = [
    ("Tom lives in Boston.", "Tom wohnt in Boston."),
    ("Tom's car is red.", "Toms Auto ist rot."),
    ("Tom didn't laugh at any of Mary's jokes.", "Tom lachte über keinen von Marias Witzen."),
    ("Tom and Mary left together.", "Tom und Maria sind zusammen weggegangen."),
    ("I saw John and Alice in London.", "Ich habe Johannes und Elke in London gesehen."),
    ("Tom said Tom would come.", "Tom sagte, Tom werde kommen."),
    ("It is smaller than Tokyo.", "Es ist kleiner als Tokio."),
    ("Is Mr. Jackson in?", "Ist Herr Jackson da?"),
]
FRENCH = [
    ("Tom and Mary are from Boston.", "Tom et Marie viennent de Boston."),
    ("This is Tom's book.", "C'est le livre de Tom."),
    ("I know that Alice is here.", "Je sais qu'Alice est ici."),
    ("This is Emma's room.", "C'est la chambre d’Emma."),
    ("She ordered it from London.", "Elle l'a commandé depuis Londres."),
    ("Did Tom find it?", "Tom l'a-t-il trouvé ?"),
    ("John and Mary know Tom.", "John et Mary connaissent Tom."),
]
PAIRS = [("German", pair) for pair in GERMAN] + [("French", pair) for pair in FRENCH]


def swapped(pair, language):
    """What every seed makes of the pair."""
    return [swap_names(pair, language, random.Random(seed)) for seed in SEEDS]


def words(text):
    return CAPITALISED.findall(text)


def hole(pair, language, before, after):
    """The names that every seed puts between these two texts of the target."""
    between = re.compile(re.escape(before) + r"(.+?)" + re.escape(after))
    return [between.search(tgt)[1] for _, tgt in swapped(pair, language)]


@pytest.mark.parametrize("kind", LISTS)
def test_each_listed_name_is_found_as_one_word(kind):
    assert [name for name in LISTS[kind] if words(f"I know {name}.")[-1] != name] == []


@pytest.mark.parametrize(("language", "pair"), PAIRS)
def test_the_same_seed_swaps_alike(language, pair):
    assert swapped(pair, language) == swapped(pair, language)


@pytest.mark.parametrize(("language", "pair"), PAIRS)
def test_seeds_bring_many_names(language, pair):
    assert len(set(swapped(pair, language))) > len(SEEDS) // 2


@pytest.mark.parametrize(("language", "pair"), PAIRS)
def test_a_new_name_stands_on_both_sides_equally_often(language, pair):
    for src, tgt in swapped(pair, language):
        new = set(words(src)) - set(words(pair[0]))
        assert new
        assert [name for name in new if src.count(name) != tgt.count(name)] == []


@pytest.mark.parametrize(("language", "pair"), PAIRS)
def test_no_old_name_is_left_on_either_side(language, pair):
    old = {word for word in words(pair[0]) if word in KIND} | {
        "Maria",
        "Marie",
        "Johannes",
        "Elke",
        "Tokio",
        "Londres",
    }
    for src, tgt in swapped(pair, language):
        new = set(words(src)) - set(words(pair[0]))
        assert (set(words(src)) | set(words(tgt))) & (old - new) == set()


@pytest.mark.parametrize(("language", "pair"), PAIRS)
def test_all_but_the_names_stays(language, pair):
    def without_names(text):
        return CAPITALISED.sub("_", text)

    for src, tgt in swapped(pair, language):
        assert (without_names(src), without_names(tgt)) == tuple(map(without_names, pair))


def test_a_listed_name_keeps_its_kind():
    pair = ("Tom met Mary and Mr. Smith in Boston.", "Tom traf Maria und Herrn Smith in Boston.")
    kinds = ("male", "female", "surname", "city")
    for src, _ in swapped(pair, "German"):
        names = re.fullmatch(r"(\S+) met (\S+) and Mr\. (\S+) in (\S+)\.", src).groups()
        assert tuple(KIND.get(name, kind) for name, kind in zip(names, kinds, strict=True)) == kinds


def test_two_names_never_become_one():
    for src, _ in swapped(("Tom, John and Paul met.", "Tom, John und Paul trafen sich."), "German"):
        assert len(set(words(src))) == 3


def test_a_german_genitive_takes_a_plain_s():
    pair = ("I know Mary's brother.", "Ich kenne Marias Bruder.")
    for src, tgt in swapped(pair, "German"):
        name = re.search(r"know (.+)'s", src)[1]
        assert tgt == f"Ich kenne {name}s Bruder."
        assert not name.endswith(SIBILANTS)


def test_an_english_genitive_keeps_its_apostrophe():
    pair = ("It's Tom’s.", "Es gehört Tom.")
    for src, tgt in swapped(pair, "German"):
        name = re.search(r"gehört (.+)\.", tgt)[1]
        assert src == f"It's {name}’s."


@pytest.mark.parametrize(("src", "before", "after", "vowel"), [
    ("This is Tom's book.", "C'est le livre de ", ".", False),
    ("I know that Tom sleeps.", "Je sais que ", " dort.", False),
    ("I read of Tom.", "J'ai lu l'histoire de « ", " ».", False),
    ("Dear Tom sleeps.", "Le cher ", " dort.", None),
    ("Old Tom sleeps.", "Le vieux ", " dort.", False),
    ("Tom is here.", "", " est ici.", None),
])  # fmt: skip
def test_french_words_before_a_consonant_stay_right(src, before, after, vowel):
    names = hole((src, f"{before}Tom{after}"), "French", before, after)
    assert {starts_with_vowel(name) for name in names} == ({True, False} if vowel is None else {vowel})


@pytest.mark.parametrize(("src", "before", "after"), [
    ("This is Anna's book.", "C'est le livre d'", "."),
    ("I know that Anna sleeps.", "Je sais qu’", " dort."),
])  # fmt: skip
def test_french_elision_keeps_a_vowel(src, before, after):
    names = hole((src, f"{before}Anna{after}"), "French", before, after)
    assert all(map(starts_with_vowel, names))


def test_no_french_name_begins_with_h_or_y():
    names = hole(("Tom sleeps.", "Tom dort."), "French", "", " dort.")
    assert {name[0] for name in names} & UNSURE == set()


def test_the_english_article_stays_right():
    for src, _ in swapped(("She is a Boston girl.", "Sie ist ein Mädchen aus Boston."), "German"):
        assert not starts_with_vowel(src.removeprefix("She is a "))


@pytest.mark.parametrize(("language", "pair"), [
    ("German", ("The dog sleeps.", "Der Hund schläft.")),
    ("German", ("Tom sleeps.", "Thomas schläft.")),
    ("German", ("Tom sleeps.", "Er schläft.")),
    ("German", ("He sleeps.", "Tom schläft.")),
    ("German", ("Tom said Tom would come.", "Tom sagte, er werde kommen.")),
    ("German", ("Tom met Mary.", "Tom traf sie.")),
    ("German", ("Mary met Maria.", "Mary traf Maria.")),
    ("German", ("Mary told him.", "Maria sagte es Tom.")),
    ("German", ("Tom ran the Boston marathon.", "Tom lief den Boston-Marathon.")),
    ("German", ("Does Tom like tomatoes?", "Mag Tom Tomaten?")),
    ("German", ("Tom's car is red.", "Tom's Auto ist rot.")),
    ("German", ("Max's car is red.", "Max’ Auto ist rot.")),
    ("German", ("The Jacksons are here.", "Die Jacksons sind hier.")),
    ("German", ("I like Australia.", "Ich mag Australien.")),
    ("French", ("Harry sleeps.", "Harry dort.")),
    ("French", ("Helen sleeps.", "Hélène dort.")),
])  # fmt: skip
def test_a_pair_that_could_go_wrong_stays(language, pair):
    assert set(swapped(pair, language)) == {pair}
