"""Where settings come from, and which cannot work."""

import pickle
from pathlib import Path

import pytest

from liangxin_nb.config.settings import OVERRIDES, Secret, Settings
from liangxin_nb.errors import InvalidRequestError

KEY = "sk-abcdef0123456789"


def load(**environment):
    return Settings.load({f"LIANGXIN_{name}": value for name, value in environment.items()})


def test_without_key_and_address_the_sandbox_is_used():
    assert load().profile == "sandbox"
    assert load(API_KEY="  ", BASE_URL="").profile == "sandbox"


def test_the_sandbox_never_gets_the_real_key():
    assert load(PROFILE="sandbox", API_KEY=KEY).key is None


def test_with_a_key_and_an_address_liangxin_is_used():
    settings = load(API_KEY=KEY, BASE_URL="https://api.example.com/")
    assert (settings.profile, settings.base_url) == ("liangxin", "https://api.example.com")
    assert settings.host == "api.example.com"


def test_the_address_of_kie_is_known():
    assert load(API_KEY=KEY, PROFILE="kie").base_url == "https://api.kie.ai"


def test_arguments_are_stronger_than_config_and_config_than_environment():
    OVERRIDES["patience"] = 7.0
    assert load(PATIENCE="5").patience == 7.0
    assert Settings.load({"LIANGXIN_PATIENCE": "5"}, patience=9.0).patience == 9.0


def test_the_results_folder_is_absolute():
    assert load().results == Path.cwd() / "liangxin-results"


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"API_KEY": KEY}, "published nowhere"),
        ({"BASE_URL": "https://api.example.com"}, "no key for api.example.com"),
        ({"API_KEY": KEY, "BASE_URL": "api.example.com"}, "'api.example.com' is not a usable"),
        ({"API_KEY": KEY, "BASE_URL": "http://api.example.com"}, "is not a usable"),
        ({"API_KEY": KEY, "BASE_URL": "https://x:99999"}, "is not a usable"),
        ({"API_KEY": KEY, "BASE_URL": "ftp://x"}, "is not a usable"),
        ({"API_KEY": KEY, "PROFILE": "openai"}, "'openai' is none of sandbox, liangxin, kie"),
        ({"WAIT": "maybe"}, "'maybe' is none of auto, always, never"),
        ({"PATIENCE": "-1"}, "'-1' is not a number above 0"),
    ],
)
def test_settings_that_cannot_work_are_one_line_without_the_key(environment, message):
    with pytest.raises(InvalidRequestError) as error:
        load(**environment)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert KEY not in str(error.value)


def test_a_key_pasted_into_the_address_is_not_repeated():
    with pytest.raises(InvalidRequestError) as error:
        load(API_KEY=KEY, BASE_URL=f"https://user:{KEY}@host")
    assert KEY not in str(error.value)


def test_a_key_is_in_no_text_and_cannot_be_pickled():
    key = Secret(KEY)
    settings = load(API_KEY=KEY, BASE_URL="https://x")
    for text in (repr(key), str(key), f"{key}", repr(settings), str(vars(settings))):
        assert KEY not in text
    with pytest.raises(TypeError):
        pickle.dumps(key)
