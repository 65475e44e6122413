"""Control characters as symbols."""

import pytest

from liangxin_nb.core.formatting import first_line, printable, shorten


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x1b[2J\x1bP\x90", "␛[2J␛P<U+0090>"),
        ("\x9b31m", "<U+009B>31m"),
        ("a\rb\x08\x7f\x00", "a␍b␈␡␀"),
        ("a\nb\tc", "a␊b␉c"),
        ("gpj.\u202etxt\u2066x\u2069", "gpj.<U+202E>txt<U+2066>x<U+2069>"),
        ("z\u200b-\u200dimage\u200c", "z<U+200B>-<U+200D>image<U+200C>"),
        ("\u2028\u2029\x85\ufeff\xad", "<U+2028><U+2029><U+0085><U+FEFF><U+00AD>"),
        ("\ud800", "<U+D800>"),
        ("a\U000e0068\U000e0069", "a<U+E0068><U+E0069>"),
    ],
)
def test_control_characters_are_shown(text, expected):
    assert printable(text) == expected


@pytest.mark.parametrize(
    "text",
    ["a café", "山间的湖", "مقهى صغير", "می\u200cخواهم", "क्\u200dष", "👩\u200d🎨 ❤\ufe0f 👍🏽",
     "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", "e\u0301", "\u0600\u06dd"],
)  # fmt: skip
def test_letters_and_emoji_stay_as_they_are(text):
    assert printable(text) == text


def test_line_breaks_stay_in_texts_of_several_lines():
    assert printable("a\n\tb\r\x1b", multiline=True) == "a\n\tb␍␛"
    assert shorten("a\n\x1bb", 10) == "a\n␛b"
    assert shorten("\x1b" * 20, 10) == "␛" * 9 + "…"
    assert first_line("\n a\x1b[1m\rb \nc") == "a␛[1m␍b "
