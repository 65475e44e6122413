"""Keys in notebooks are found in every form and place, and nothing else is changed."""

import base64
import copy
import html
import json
import urllib.parse

import nbformat
import pytest

from liangxin_nb.config.key_digests import KeyMatcher, digest_keys
from liangxin_nb.config.secret import DOTS, secret_forms
from liangxin_nb.notebook_files.key_scan import redact_outputs, scan

from .. import scan as keys

SALT = b"salt of the tests"
HALF = len(keys.MARK) // 2
MARKS = keys._encodings(keys.MARK)


def matcher(key):
    """Return what recognises a key; it knows digests only."""
    digests = digest_keys(SALT, secret_forms(key))
    assert keys.MARK not in repr(digests)
    return KeyMatcher([json.loads(json.dumps(digests))])


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
    for key in keys.KEYS:
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
