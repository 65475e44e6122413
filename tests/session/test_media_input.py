import base64
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.session.media_input import to_data_uri


def picture(form="JPEG", mode="RGB", size=(60, 40), **options):
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(out, form, **options)
    return out.getvalue()


def sent(given):
    """The picture inside a data URI."""
    head, _, data = to_data_uri(given).partition(",")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert head == f"data:image/{image.format.lower()};base64"
    return image


def test_a_url_goes_as_it_is():
    url = "https://example.com/a.png?signed=1"
    assert to_data_uri(url) == url


@pytest.mark.parametrize("how", ["bytes", "text", "path", "image", "array", "result", "job"])
def test_every_form_in_which_people_have_pictures(how, tmp_path):
    data = picture("PNG")
    file = tmp_path / "雨 1.png"
    file.write_bytes(data)
    image = Image.open(file)
    result = SimpleNamespace(paths=[file])
    forms = {
        "bytes": data,
        "text": str(file),
        "path": file,
        "image": image,
        "array": np.asarray(image),
        "result": result,
        "job": SimpleNamespace(task_id="task_1", result=result),
    }
    assert sent(forms[how]).size == (60, 40)


def test_it_is_upright_and_bare_of_metadata():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "a camera"
    image = sent(picture(exif=exif))
    assert image.size == (40, 60)
    assert dict(image.getexif()) == {}


def test_transparency_is_saved_and_the_rest_is_small():
    assert sent(picture("PNG", "RGBA")).mode == "RGBA"
    large = sent(picture("PNG", size=(2400, 900), compress_level=1))
    assert large.format == "JPEG"
    assert max(large.size) <= 2048


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("no-such-file.png", "'no-such-file.png' cannot be used"),
        (b"<html>", "not a picture of a known format"),
        (7, "a int is no picture"),
        (SimpleNamespace(task_id="t", result=None), "the job is not done yet"),
        (Path("/"), "cannot be used"),
    ],
)
def test_what_is_no_picture_is_rejected_in_one_line(given, said):
    with pytest.raises(InvalidRequestError, match="nothing was sent") as error:
        to_data_uri(given)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_picture_that_was_sent_along_is_named_in_the_story_and_not_repeated():
    uri = to_data_uri(picture())
    request = Request("m", "x", {"image_input": [uri, "https://x/a.png"], "seed": 7})
    options = request.redacted_options
    assert options["image_input"][1] == "https://x/a.png"
    assert options["image_input"][0].startswith("data:image/jpeg;")
    assert len(str(options)) < 300
    assert request.input["image_input"][0] == uri
