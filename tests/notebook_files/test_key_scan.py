"""Keys in notebooks are found in every form and place, and nothing else is changed."""

import base64
import copy
import html
import json
import random
import urllib.parse

import nbformat
import pytest

from liangxin_nb.config.key_digests import KeyMatcher, digest_keys
from liangxin_nb.config.secret import DOTS, secret_forms
from liangxin_nb.notebook_files.key_scan import Finding, redact_outputs, scan

from .. import scan as keys
from ..config.test_key_detector import HEX, NO_KEYS

SALT = b"salt of the tests"
MODEL_ID = "5ef1ae5c-d57a-4e52-88ba-1da0a3e9e2f1"
HALF = len(keys.MARK) // 2
MARKS = keys._encodings(keys.MARK)


def matcher(key):
    """Return what recognises a key; it knows digests only."""
    digests = digest_keys(SALT, secret_forms(key))
    text = json.dumps(digests)
    assert not any(form in text.encode() for form in MARKS)
    return KeyMatcher([json.loads(text)])


def cut(key):
    """Return a key in two parts, both with a half of what the keys of the tests have in common."""
    middle = key.index(keys.MARK) + HALF
    return key[:middle], key[middle:]


def colour(key):
    return "\x1b[31m" + "\x1b[0m\x1b[1;32m".join(key) + "\x1b[39m"


FORMS = {
    "plain": str,
    "repr": repr,
    "JSON": json.dumps,
    "JSON in JSON": lambda key: json.dumps(json.dumps({"a": key})),
    "HTML": html.escape,
    "URL": urllib.parse.quote,
    "URL with slashes": lambda key: urllib.parse.quote(key, safe=""),
    "colours": colour,
    "wrapped": lambda key: "\n    ".join(cut(key)),
    "tokens of code": lambda key: (
        '<span class="s">' + "</span><span>".join(map(html.escape, cut(key)))
    ),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "header": lambda key: "Basic " + base64.b64encode(f"user:{key}".encode()).decode(),
    "hexadecimal": lambda key: key.encode().hex(),
    "LaTeX": lambda key: key.replace("_", r"\_").replace("%", r"\%"),
}


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def data(mime, value):
    return {"output_type": "display_data", "metadata": {}, "data": {mime: value}}


def notebook(*outputs, source="", metadata=None):
    cells = [{"cell_type": "markdown", "id": "first", "metadata": {}, "source": "# title"},
             {"cell_type": "code", "id": "second", "metadata": {}, "execution_count": 1,
              "source": source, "outputs": list(outputs)}]  # fmt: skip
    return {"cells": cells, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}


def widget(value):
    state = {"state": {"m": {"state": {"value": value}}}}
    return notebook(metadata={"widgets": {"application/vnd.jupyter.widget-state+json": state}})


def error(text):
    return {"output_type": "error", "ename": "E", "evalue": text, "traceback": ["---", text]}


#: Notebooks with a text that begins with "before " and ends with " after".
PLACES = {
    "stream": lambda t: notebook(stream(t)),
    "lines of a stream": lambda t: notebook(stream([t[:16], t[16:]])),
    "outputs of a stream": lambda t: notebook(
        stream(t[:16]), stream("other", "stderr"), stream(t[16:])
    ),
    "result": lambda t: notebook(data("text/plain", [t[:13], t[13:]])),
    "table": lambda t: notebook(data("text/html", f"<table><td>{t}</td></table>")),
    "SVG": lambda t: notebook(data("image/svg+xml", f"<svg><text>{t}</text></svg>")),
    "JSON": lambda t: notebook(data("application/json", {"a": [1, {"b": t}]})),
    "name in JSON": lambda t: notebook(data("application/json", {"a": [{t: 1}]})),
    "traceback": lambda t: notebook(error(t)),
    "metadata of an output": lambda t: notebook(data("text/plain", "a") | {"metadata": {"a": t}}),
    "state of a widget": widget,
}


def strings(value):
    """Yield all texts in a value, joined as they are shown."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from strings(item)
    elif isinstance(value, list):
        yield "".join(item for item in value if isinstance(item, str))
        for item in value:
            yield from strings(item)


def contains_mark(content):
    text = "\n".join(strings(content))
    outputs = content["cells"][1]["outputs"]
    shown = "".join(strings([o.get("text", "") for o in outputs if o.get("name") != "stderr"]))
    text = f"{text}\n{shown}"
    for code in ("\x1b[31m", "\x1b[39m", "\x1b[0m", "\x1b[1;32m", "</span><span>", "\n    "):
        text = text.replace(code, "")
    return any(form in text.encode("utf-8", "surrogatepass") for form in MARKS)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", FORMS)
def test_key_in_use_is_redacted_in_each_form_and_place(form, place):
    first = list(FORMS).index(form) + list(PLACES).index(place)
    for key in (keys.KEYS[first % 6], keys.KEYS[(first + 3) % 6]):
        content = PLACES[place](f"before {FORMS[form](key)} after")
        before = copy.deepcopy(content)
        assert contains_mark(content)
        found = redact_outputs(content, matcher(key))
        assert {finding.shape for finding in found} >= {"a key in use"}
        assert not contains_mark(content)
        text = json.dumps(content, ensure_ascii=False)
        assert "before" in text
        assert DOTS in text
        assert "after" in text
        assert scan(content, matcher(key)) == []
        nbformat.validate(content)
        if place != "state of a widget":
            before["cells"][1]["outputs"] = content["cells"][1]["outputs"]
            assert content == before


def shown(text):
    """The text of an output after its notebook was redacted, without keys in use."""
    content = notebook(stream(text))
    redact_outputs(content, KeyMatcher())
    return content["cells"][1]["outputs"][0]["text"]


# Invented; concatenated, so that scanners of repositories do not report this file.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"sk-{MODEL_ID}", "••••••"),
        (f'"key": "sk-{MODEL_ID}"', '"key": "••••••"'),
        ("user_token='aB3dE5gH7jK9'", "user_token='••••••'"),
        ("https://h/ token=aB3dE5gH7jK9", "https://h/ token=••••••"),
        *((f"a {start}Zk3v9QpL7xWm2RtY b", "a •••••• b") for start in ("sk-", "rk_live_")),
        ("use sk-" + "proj-Zk3v9QpL7xWm2RtY-8sBn_4HcF.", "use ••••••."),
        ("Authorization: Bearer " + "Zk3v9QpL7xWm2RtY+8/s==\n", "Authorization: Bearer ••••••\n"),
        ('{"api_key": "' + HEX + '"}', '{"api_key": "••••••"}'),
        ("&quot;api_key&quot;: &quot;" + HEX + "&quot;", "&quot;api_key&quot;: &quot;••••••&quot;"),
        ("environ['MY_API_KEY'] = '" + HEX + "'", "environ['MY_API_KEY'] = '••••••'"),
        ("KIE_KEY=" + HEX, "KIE_KEY=••••••"),
        ("https://h/?key=sk-" + HEX + "&b=1", "https://h/?key=••••••&b=1"),
        ("\x1b[32m'sk-" + "\x1b[1m" + HEX + "'\x1b[0m", "\x1b[32m'••••••\x1b[1m'\x1b[0m"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nx", "••••••\nx"),
        (f"İ{'ghp_' + 'aB3dE5gH7jK9mN1pQ4sT6vX8zA2cF0hJ5lO7'} b", "İ•••••• b"),
    ],
)
def test_what_looks_like_a_key_is_replaced_and_nothing_around_it(text, expected):
    assert shown(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *NO_KEYS,
        f"key={HEX}",
        f"{{'key': '{HEX}', 'token': '550e8400-e29b-41d4-a716-446655440000'}}",
        "KeyError: 'task_0123456789ab'",
        "def f(self, key: PositionalIndexer2D) -> None:",
        f"<td>{HEX}</td><td>task_z-image_1795306984967</td>",
        f'<a href="https://h/a.png?x=1&amp;token={HEX}a">',
        "https://h/a?to=s3%3A%2F%2Fb&u=s3://b&token=aB3dE5gH7jK9",
        f"<style>#sk-{MODEL_ID} {{color: black}}</style><div id=\"sk-{MODEL_ID}\" class='sk-top'>",
        "next_page_token='CAUQAA1b2c3d4e5f' cache_key=AbC123dEf456Gh",
        "PARTITION_KEY=user123456abcdef, Public-Key: aB3dE5gH7jK9",
        "key: 01HZX3K8QW7J5N2M4P6R8T0VYZ",
        f"key: v1-pip-Linux-{HEX}, 'Key': 'pictures/{HEX}.png'",
    ],
)
def test_other_texts_are_not_changed(text):
    assert shown(text) == text


def test_names_that_only_a_key_told_apart_stay_apart():
    first, second = ("sk-" + f"Zk3v9QpL7xWm2RtY8{n}" for n in (1, 2))
    content = notebook(data("application/json", {first: 1, "a": {first: keys.KEYS[0]}, second: 2}))
    (found, *others) = redact_outputs(content, matcher(keys.KEYS[0]))
    assert (found.shape, [finding.shape for finding in others]) == ("a key in use", ["sk-…"])
    (output,) = content["cells"][1]["outputs"]
    assert output["data"]["application/json"] == {DOTS: 1, "a": {DOTS: DOTS}, f"{DOTS} 2": 2}


@pytest.mark.parametrize("text", [keys.KEYS[0], "token: aB3dE5gH7jK9"])
def test_all_keys_of_very_many_are_replaced_at_once(text, monkeypatch):
    monkeypatch.setattr("liangxin_nb.config.key_search._MAX_CANDIDATES", 200)
    monkeypatch.setattr("liangxin_nb.config.key_digests._MAX_DIGESTS", 200)
    content = notebook(data("application/json", [{"a": text} for _ in range(300)]))
    redact_outputs(content, matcher(keys.KEYS[0]))
    assert scan(content, matcher(keys.KEYS[0])) == []


def test_pictures_are_not_changed_and_not_searched():
    data = base64.b64encode(random.Random(1).randbytes(3000) + keys.KEYS[0].encode()).decode()
    html_picture = f'<img src="data:image/png;base64,{data}">'
    widget_picture = {"data": data, "encoding": "base64", "path": ["value"]}
    content = notebook(
        {"output_type": "display_data", "metadata": {"buffers": [widget_picture]},
         "data": {"image/png": data, "image/jpeg": [data], "text/html": html_picture}},
    )  # fmt: skip
    before = copy.deepcopy(content)
    assert redact_outputs(content, matcher(keys.KEYS[0])) == []
    assert content == before


def test_key_in_a_source_is_reported_without_its_text_and_stays():
    key = keys.KEYS[1]
    content = notebook(source=[f"key = {key!r}\n", "print(1)"])
    before = copy.deepcopy(content)
    assert redact_outputs(content, matcher(key)) == [Finding(2, "second", "source", "a key in use")]
    assert content == before


def test_keys_of_other_kernels_are_recognised_and_damaged_digests_ignored():
    good = digest_keys(SALT, secret_forms(keys.KEYS[0]))
    others = [digest_keys(b"another salt", secret_forms(key)) for key in keys.KEYS[1:]]
    damaged = [None, 5, {}, {"salt": "x", "forms": []}, good | {"forms": [["8", 1, None], []]}]
    content = notebook(stream(keys.KEYS[0]), stream(keys.KEYS[1]))
    redact_outputs(content, KeyMatcher([*damaged, good, *others]))
    assert [output["text"] for output in content["cells"][1]["outputs"]] == [DOTS, DOTS]


def test_cells_of_nbformat_3_are_searched():
    sheet = {"cells": [{"outputs": [{"text": "sk-" + HEX}], "input": "sk-" + HEX}]}
    found = redact_outputs({"worksheets": [sheet]}, KeyMatcher())
    assert [(finding.place, finding.cell) for finding in found] == [("source", 1), ("output", 1)]
    assert sheet["cells"][0]["outputs"] == [{"text": DOTS}]


ODD = [{}, {"cells": None}, {"metadata": 5, "cells": [None, 1, {"outputs": [None, {"text": 5}]}]}]
ODD += [{"cells": [{"outputs": {"a": 1}, "source": ["a", 5], "id": 5, "metadata": []}]}]


@pytest.mark.parametrize("content", ODD)
def test_odd_notebooks_are_not_changed(content):
    before = copy.deepcopy(content)
    assert redact_outputs(content, matcher(keys.KEYS[0])) == []
    assert content == before


@pytest.mark.parametrize(
    "part",
    ["sk-", "sk-a-", "key: a_", "api_key=", "bearer ", "https://a?b=c&token=", "<span", "\x1b[3",
     "-----BEGIN PRIVATE KEY-----", "eyJaaaaaaaa.", "data:image/png;base64,", keys.KEYS[0][-4:]],
)  # fmt: skip
def test_work_for_a_hostile_text_is_bounded(part):
    """Quadratic work for this text would take minutes."""
    redact_outputs(notebook(stream(part * (200_000 // len(part)))), matcher(keys.KEYS[0]))


def test_work_for_a_long_link_is_bounded():
    """Quadratic work for this text would take minutes."""
    text = "https://a?token=abcdef1234567890&" * 60_000
    assert shown(text) == text


def test_search_ends_when_it_takes_too_long_with_what_it_has_found():
    content = notebook(stream("sk-" + HEX))
    content["cells"].append({"cell_type": "raw", "metadata": {"a": "sk-" + HEX}, "source": ""})
    calls = iter([False] * 7 + [True])  # the last part is the metadata of the third cell
    found = redact_outputs(content, KeyMatcher(), lambda: next(calls, True))
    assert [finding.cell for finding in found] == [2]
