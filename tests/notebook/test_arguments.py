"""What the first line of a cell asks for, and what its prompt is."""

import pytest

from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.notebook.magics import options as arguments
from liangxin_nb.notebook.magics.cell_magic import liangxin_cell


def read(line, body="a lake\n", **names):
    return arguments.parse_cell(line, body, names)


def test_a_bare_cell_asks_for_one_picture_of_the_default_model():
    arguments = read("")
    assert (arguments.model, arguments.count, arguments.wait, arguments.prompt) == (
        "z-image",
        1,
        None,
        "a lake",
    )


def test_every_option_is_read():
    arguments = read(
        "seedream-v4-5 --aspect 16:9 --seed 7 -o enable_safety_checker=true"
        " -n 3 --no-wait --out j -q"
    )
    assert arguments.model == "seedream-v4-5"
    assert arguments.common_options == {"aspect": "16:9", "size": None, "seed": "7"}
    assert arguments.options == {"enable_safety_checker": "true"}
    assert (arguments.count, arguments.wait, arguments.out, arguments.quiet) == (
        3,
        False,
        "j",
        True,
    )


@pytest.mark.parametrize(
    "prompt",
    [
        "a {cup} of $HOME and {{braces}}",
        "它说：“雨”，\n第二行 🌧",
        "  indented\n\n\"quoted\" 'it's' \\n %d %(x)s -o a=b",
    ],
)
def test_the_prompt_is_taken_literally(prompt):
    assert read("", prompt + "\n", cup="tea").prompt == prompt


def test_names_in_braces_are_filled_in_on_request():
    assert read("--template", "a {cup} of {{tea}} $x", cup="mug").prompt == "a mug of {{tea}} $x"


def test_a_name_in_braces_that_is_no_variable_is_rejected():
    with pytest.raises(InvalidRequestError, match=r"\{cup\} but no variable 'cup'"):
        read("--template", "a {cup}")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-o note=don't", ["-o", "note=don't"]),
        ("-o note='two words'", ["-o", "note=two words"]),
        ('-o note="two words" x', ["-o", "note=two words", "x"]),
        ("'模型 一'", ["模型 一"]),
        ("don't -n 2", ["don't", "-n", "2"]),
    ],
)
def test_quotes_group_words_and_an_apostrophe_is_a_letter(line, words):
    assert arguments.split_line(line) == words


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--foo", "--foo"),
        ("-n 0", "'0' is not a number from 1 to 50"),
        ("-n x", "'x' is not a number"),
        ("-o steps", "'steps' is not NAME=VALUE"),
        ("-o a=1 -o a=2", "a is given twice"),
        ("--out 2x", "'2x' is not a variable's name"),
        ("--aspect", "expected one argument"),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected_in_one_line(line, message):
    with pytest.raises(InvalidRequestError, match="nothing was sent") as error:
        read(line)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_help_names_every_option():
    assert all(flag in liangxin_cell.__doc__ for flag in arguments.flags())
