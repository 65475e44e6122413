"""Parsing of `%%liangxin` cells, and the help of the magics."""

import re

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from liangxin_nb.catalog import resolve_model
from liangxin_nb.core.command_line import split_line
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.notebook.magics.batch_magic import batch_cell
from liangxin_nb.notebook.magics.cell_magic import liangxin_cell, parse_cell
from liangxin_nb.notebook.magics.extension import _complete_cell
from liangxin_nb.notebook.magics.line_magic import COMMANDS, liangxin_line
from liangxin_nb.notebook.magics.options import BATCH_OPTIONS, CELL_OPTIONS, option_flags


def parse(line, body="a lake\n", **variables):
    """Parse a cell with an option line, a body and the notebook's variables."""
    return parse_cell(line, body, variables)


def test_cell_without_options_uses_the_defaults():
    arguments = parse("")
    assert (arguments.model, arguments.count, arguments.wait, arguments.prompt) == (
        "z-image",
        1,
        None,
        "a lake",
    )


def test_every_option_is_parsed():
    arguments = parse(
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


def test_the_model_may_follow_the_options():
    assert parse("--aspect 16:9 seedream-v4-5").model == "seedream-v4-5"


@pytest.mark.parametrize(
    "prompt",
    [
        "a {cup} of $HOME and {{braces}}",
        "它说：“雨”，\n第二行 🌧",
        "  indented\n\n\"quoted\" 'it's' \\n %d %(x)s -o a=b",
    ],
)
def test_the_prompt_is_literal(prompt):
    assert parse("", prompt + "\n", cup="tea").prompt == prompt


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        ("a {cup} of {{tea}} $x", "a mug of green $x"),
        ("{ cup } and {{ cup }}", "mug and mug"),
        (r"\{cup\} is a {cup}, \{\{cup\}\}", "{cup} is a mug, {{cup}}"),
        ("{size} {杯}", "3 茶"),
    ],
)
def test_template_replaces_names_in_one_or_two_pairs_of_braces(template, prompt):
    variables = {"cup": "mug", "tea": "green", "size": 3, "杯": "茶"}
    assert parse("--template", template, **variables).prompt == prompt


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("a {cap} and {x}", r"found {cap}, {x}, but no such variable.*mean {cup}\? Write \\{ and"),
        ("a lake", "found no name in braces.*leave out --template"),
        ("{cup} {cup.colour}", "names of variables only, not '{cup.colour}'"),
        ("{cup} {0}", "names of variables only"),
        ("{cup} } {", "names of variables only"),
        ("a {nothing}", "the variable nothing is NoneType"),
        ("a {function}", "the variable function is builtin_function"),
    ],
)
def test_template_rejects_what_it_cannot_replace(template, message):
    with pytest.raises(InvalidRequestError, match="nothing was sent") as error:
        parse("--template", template, cup="mug", nothing=None, function=len)
    assert re.search(message, str(error.value))


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
    assert split_line(line) == words


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--foo", "Unknown option --foo; nothing was sent. The options are --aspect"),
        ("--seeed=3", "Unknown option --seeed; nothing was sent. Did you mean --seed?"),
        ("--see 3", "Unknown option --see; nothing was sent. Did you mean --seed?"),
        ("z-image a lake", "Unexpected 'a' on the option line"),
        ("-n 0", "'0' is not a number from 1 to 50"),
        ("-n x", "'x' is not a number"),
        ("-o steps", "'steps' is not NAME=VALUE"),
        ("-o a=1 -o a=2", "a is given twice"),
        ("--out 2x", "'2x' is not a variable name"),
        ("--aspect", "expected one argument"),
    ],
)
def test_invalid_line_is_rejected_in_one_line(line, message):
    with pytest.raises(InvalidRequestError, match="nothing was sent") as error:
        parse(line)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_help_lists_every_option_and_command():
    text = liangxin_cell.__doc__
    assert text.startswith("usage: %%liangxin [MODEL] [options]\n")
    assert batch_cell.__doc__ in text
    assert all(flag in text for flag in option_flags([*CELL_OPTIONS, *BATCH_OPTIONS]))
    assert all(f"%liangxin {name}" in liangxin_line.__doc__ for name in COMMANDS)


@pytest.mark.parametrize("line", ["--help", "z-image -h", "batch --help"])
def test_help_option_prints_the_help_and_sends_nothing(line, capsys):
    assert liangxin_cell(line, "a lake") is None
    assert capsys.readouterr().out == f"{liangxin_cell.__doc__}\n"


@pytest.mark.parametrize("line", ["help", "--help", "?", "batch --help"])
def test_help_command_prints_the_help_of_both_magics(line, capsys):
    assert liangxin_line(line) is None
    assert capsys.readouterr().out == f"{liangxin_cell.__doc__}\n{liangxin_line.__doc__}\n"


@pytest.mark.parametrize(
    ("cell", "run"),
    [
        ("%%liangxin --help", ["%liangxin help\n"]),
        ("%%liangxin batch -h\n", ["%liangxin help\n"]),
        ("%%liangxin ?", ["%liangxin help\n"]),
        ("%%liangxin models z-image", ["%liangxin models z-image\n"]),
        ("%%liangxin a cat\n\n", ["%%liangxin a cat\n", "\n"]),
        ("%%liangxin", ["%%liangxin \n", "\n"]),
        ("%%liangxin batch --csv p.csv", ["%%liangxin batch --csv p.csv\n", "\n"]),
    ],
)
def test_cell_without_a_body_reaches_the_magic_that_is_meant(cell, run):
    assert _complete_cell(cell.splitlines(keepends=True)) == run


@pytest.mark.parametrize("line", ["%%liangxin", "%%liangxin --size square", "%%liangxin batch"])
def test_terminal_waits_for_the_prompt_below_the_option_line(line):
    shell = TransformerManager()
    shell.cleanup_transforms.append(_complete_cell)
    assert shell.check_complete(line)[0] == "incomplete"
    assert shell.check_complete(f"{line}\na cat")[0] == "incomplete"
    assert shell.check_complete(f"{line}\na cat\n\n")[0] == "complete"


@pytest.mark.parametrize("cell", ["%%liangxin\n--help", "%%liangxin --help\na lake", "--help"])
def test_other_cells_are_not_transformed(cell):
    lines = cell.splitlines(keepends=True)
    assert _complete_cell(lines) == lines


@pytest.mark.parametrize(
    ("line", "write"),
    [
        ("a cat on a wall", "Write %%liangxin, and on the line below it: a cat on a wall"),
        (
            "Z-Image --aspect 16:9 a cat",
            "Write %%liangxin Z-Image --aspect 16:9, and on the line below it: a cat",
        ),
        ("z-image", "Write %%liangxin z-image, and the prompt on the lines below."),
        ("--model z-image", "Write the name of the model alone: %%liangxin z-image."),
        ("--image_size square", "It is an input of a model: write -o image_size=VALUE."),
    ],
)
def test_cell_without_a_prompt_says_what_to_write(line, write):
    with pytest.raises(InvalidRequestError, match="nothing was sent") as error:
        parse(line, "\n")
    assert str(error.value).endswith(write)


@pytest.mark.parametrize(
    ("line", "write"),
    [
        ("a cat", "write %%liangxin, and on the line below it: a cat"),
        ("--model z-image", "Write %%liangxin z-image, and the prompt on the lines below."),
        ("z-image", "Write %%liangxin z-image, and the prompt on the lines below."),
        ("kling v3 pro", "Write %%liangxin kling v3 pro, and the prompt on the lines below."),
        ("--aspect 16:9", "Write %%liangxin --aspect 16:9, and the prompt on the lines below."),
        ("modles z-image", "Did you mean %liangxin models z-image?"),
    ],
)
def test_line_that_is_no_command_says_what_to_write(line, write):
    with pytest.raises(InvalidRequestError, match="nothing was sent") as error:
        liangxin_line(line)
    assert str(error.value).endswith(write)


@pytest.mark.parametrize(
    "line", ["kling v3 pro --seed 7", "--seed 7 Kling 3 Pro", '"kling v3 pro"', "KLING_V3_PRO"]
)
def test_model_may_be_written_in_several_words(line):
    name = parse(line).model
    assert resolve_model("sandbox", name).id == "kling-v3-pro"
