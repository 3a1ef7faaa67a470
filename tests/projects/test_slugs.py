import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.slugs import LETTERS, parameterize


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("My project", "my-project"),
        ("  Été 2018!  ", "ete-2018"),
        ("l’été", "l-ete"),
        ("Straße & Œuvre", "strasse-oeuvre"),
        ("a_b--c", "a_b-c"),
        ("C++ / C#", "c-c"),
        ("___", "___"),
        ("-a-", "a"),
        ("Þórr ðe Łódź đ ħ ı ŧ ŋ ĳ ĸ ŉ 3×4", "thorr-de-lodz-d-h-i-t-ng-ij-k-n-3x4"),
        ("ÆØÅ", "aeoa"),
        ("e\u0301te\u0301", "ete"),  # decomposed accents are composed first
    ],
)
def test_a_name_becomes_the_slug_that_rails_would_make(name, slug):
    assert parameterize(name) == slug


@pytest.mark.parametrize("name", ["???", "中文", "Ελλάδα", "Привет", "🎉", "  ", "", "-", "--", "’“”—"])
def test_a_name_without_a_usable_character_has_no_slug(name):
    assert parameterize(name) == ""


@pytest.mark.parametrize(
    ("name", "slug"), [("việt", "vi-t"), ("știri", "tiri"), ("ſoft", "oft"), ("naïve", "naive")]
)
def test_letters_outside_the_table_are_lost_although_unicode_could_strip_their_accents(name, slug):
    assert parameterize(name) == slug


def test_the_table_holds_the_letters_of_latin_1_and_latin_extended_a():
    letters = {chr(code) for code in range(0xC0, 0x17F)} - {"÷"}
    assert set(LETTERS) == letters


def test_most_letters_of_the_table_only_lose_their_accent():
    for letter, plain in LETTERS.items():
        decomposed = unicodedata.normalize("NFD", letter)
        if len(decomposed) > 1:
            assert plain == decomposed[0]


LATIN = st.text(st.sampled_from("aZ09-_ !?’" + "".join(LETTERS) + "ệș中🎉\n\u0301"))


@given(st.text() | LATIN)
def test_a_slug_holds_only_lower_case_word_characters_and_single_inner_hyphens(name):
    assert re.fullmatch(r"|[a-z0-9_]+(-[a-z0-9_]+)*", parameterize(name))


@given(st.text() | LATIN)
def test_the_slug_of_a_slug_is_itself(name):
    assert parameterize(parameterize(name)) == parameterize(name)


@given(st.text() | LATIN)
def test_composed_and_decomposed_spellings_have_one_slug(name):
    assert parameterize(unicodedata.normalize("NFD", name)) == parameterize(
        unicodedata.normalize("NFC", name)
    )


@given(st.text(st.characters(codec="ascii")))
def test_ascii_words_survive_lower_cased(name):
    assert re.findall(r"[a-z0-9_]+", parameterize(name)) == re.findall(r"[a-z0-9_]+", name.lower())
