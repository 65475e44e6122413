"""Sources, conversion and validation of the settings."""

import copy
import pickle
from pathlib import Path

import msgspec
import pytest
from traitlets.config import Config

from liangxin_nb import Session
from liangxin_nb.config.schema import SETTINGS
from liangxin_nb.config.settings import OVERRIDES, Secret, Settings, override
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.notebook.magics.configuration import LiangXin
from liangxin_nb.notebook.magics.line_magic import COMMANDS
from liangxin_nb.session.default import configure

KEY = "sk-abcdef0123456789"


def load(**environment):
    return Settings.load({f"LIANGXIN_{name}": value for name, value in environment.items()})


def test_without_key_and_address_the_sandbox_is_used():
    assert load().profile == "sandbox"
    assert load(API_KEY="  ", BASE_URL="").profile == "sandbox"


def test_sandbox_never_gets_the_real_key():
    assert load(PROFILE="sandbox", API_KEY=KEY).key is None


def test_with_a_key_and_an_address_liangxin_is_used():
    settings = load(API_KEY=KEY, BASE_URL="https://api.example.com/")
    assert (settings.profile, settings.base_url) == ("liangxin", "https://api.example.com")
    assert settings.host == "api.example.com"


def test_kie_has_a_default_address():
    assert load(API_KEY=KEY, PROFILE="kie").base_url == "https://api.kie.ai"


def test_arguments_take_precedence_over_config_and_config_over_the_environment():
    OVERRIDES["patience"] = 7.0
    assert load(PATIENCE="5").patience == 7.0
    assert Settings.load({"LIANGXIN_PATIENCE": "5"}, patience=9.0).patience == 9.0


def test_settings_name_where_each_value_came_from():
    OVERRIDES["patience"] = 7.0
    env = {"LIANGXIN_TIMEOUT": "5", "LIANGXIN_PATIENCE": "5", "LIANGXIN_API_KEY": KEY}
    settings = Settings.load(env, profile="kie")
    names = ("profile", "patience", "timeout", "key", "speed")
    assert [settings.source(name) for name in names] == [
        "argument", "%config or panel", "LIANGXIN_TIMEOUT", "LIANGXIN_API_KEY", "default",
    ]  # fmt: skip
    assert Settings.load(env, profile="sandbox").source("key") == "not used by the sandbox"
    assert settings == Settings.load({}, profile="kie", key=KEY, timeout=5.0)


def test_the_results_folder_is_absolute(monkeypatch, tmp_path):
    assert load().results == Path.cwd() / "liangxin-results"
    override({"results": "pictures"})
    monkeypatch.chdir("/")
    assert load().results == tmp_path / "pictures"


def test_settings_that_are_made_directly_are_checked():
    assert Settings(patience="5", wait="never", results="").results == Path("liangxin-results")
    with pytest.raises(InvalidRequestError, match="speed='fast' is not valid"):
        Settings(speed="fast")
    with pytest.raises(InvalidRequestError, match="speed=true is not valid"):
        Settings(speed=True)  # equal to the default
    with pytest.raises(InvalidRequestError, match=r"The service kie at .* needs a key"):
        Session(Settings(profile="kie"))


@pytest.mark.parametrize(
    ("positional", "named", "message"),
    [
        (["kie"], {}, r'takes its settings by name, not as <str>.*Session\(profile="kie"'),
        ([{"profile": "kie"}], {}, "takes its settings by name, not as <dict>"),
        ([Settings()], {"patience": 3}, "takes either settings= or patience="),
        ([], {"schedule": 3}, r"schedule=<int> is not valid; allowed: a PollSchedule"),
        ([], {"shedule": 3}, "no setting 'shedule'; nothing was sent. Did you mean schedule?"),
        ([], {"api_key": KEY}, "no setting 'api_key'; nothing was sent. Did you mean key?"),
        ([], {"environment": {}}, "no setting 'environment'; nothing was sent. Settings: profile"),
    ],
)
def test_other_arguments_of_a_session_are_rejected(positional, named, message):
    with pytest.raises(InvalidRequestError, match=message) as error:
        Session(*positional, **named)
    assert KEY not in str(error.value)


def test_config_command_shows_no_secret_and_where_each_value_came_from(monkeypatch):
    monkeypatch.setenv("LIANGXIN_API_KEY", KEY)
    monkeypatch.setenv("LIANGXIN_PROFILE", "kie")
    monkeypatch.setenv("LIANGXIN_LEDGER", "postgresql://me:hunter2@host/db")
    monkeypatch.setenv("LIANGXIN_CALLBACK", "https://lab.example/hook/hunter2")
    monkeypatch.setenv("LIANGXIN_WEBHOOK_KEY", KEY)
    table = COMMANDS["config"].run("")
    rows = {name: (value, source) for name, value, source, *_ in table.rows}
    assert [*rows] == [*SETTINGS]
    assert rows["ledger"] == ("postgresql://…@host/db", "LIANGXIN_LEDGER")
    assert rows["callback"] == ("https://lab.example/…", "LIANGXIN_CALLBACK")
    assert rows["key"] == ("••••••", "LIANGXIN_API_KEY")
    assert rows["webhook_key"] == ("••••••", "LIANGXIN_WEBHOOK_KEY")
    assert rows["wait"] == ("auto", "default")
    assert rows["max_tasks"] == ("no limit", "default")
    text = f"{table!r}{table._repr_html_()}"
    assert KEY not in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {"API_KEY": KEY},
            "liangxin needs an address; nothing was sent. Set LIANGXIN_BASE_URL",
        ),
        ({"PROFILE": "liangxin"}, "liangxin needs a key and an address; nothing was sent. Set L"),
        (
            {"PROFILE": "kie"},
            "kie at api.kie.ai needs a key; nothing was sent. Set LIANGXIN_API_KEY",
        ),
        (
            {"BASE_URL": "https://api.example.com"},
            "liangxin at api.example.com needs a key",
        ),
        (
            {"API_KEY": KEY, "PROFILE": "openai"},
            "LIANGXIN_PROFILE='openai' is not valid; allowed: sandbox, l",
        ),
        ({"WAIT": "maybe"}, "LIANGXIN_WAIT='maybe' is not valid; allowed: auto, always"),
        ({"PATIENCE": "-1"}, "LIANGXIN_PATIENCE='-1' is not valid; allowed: a number above 0"),
        ({"TIMEOUT": "inf"}, "LIANGXIN_TIMEOUT='inf' is not valid"),
        ({"SPEED": "nan"}, "LIANGXIN_SPEED='nan' is not valid"),
        ({"MAX_TASKS": "2.5"}, "LIANGXIN_MAX_TASKS='2.5' is not valid; allowed: a whole number"),
        ({"MAX_TASK": "2"}, "LIANGXIN_MAX_TASK is not known; nothing was sent. Did you mean LIAN"),
        (
            {"CALLBACK": "yes"},
            "LIANGXIN_CALLBACK='yes' is not valid; allowed: auto, none or an h",
        ),
    ],
)
def test_invalid_settings_are_reported_in_one_line_without_the_key(environment, message):
    with pytest.raises(InvalidRequestError) as error:
        load(**environment)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert KEY not in str(error.value)


def test_key_in_the_address_is_not_repeated():
    with pytest.raises(InvalidRequestError) as error:
        load(API_KEY=KEY, BASE_URL=f"https://user:{KEY}@host")
    assert KEY not in str(error.value)


def test_passwords_in_urls_are_not_printed():
    settings = load(LEDGER="postgresql://me:hunter2@host/db", BUDGET="redis://u:hunter2@host/0")
    assert "hunter2" not in repr(settings)
    assert "ledger='postgresql://…@host/db'" in repr(settings)


def test_key_is_not_printed_and_cannot_be_pickled():
    key = Secret(KEY)
    settings = load(API_KEY=KEY, BASE_URL="https://x")
    for text in (
        repr(key),
        str(key),
        f"{key}",
        repr(settings),
        str(msgspec.structs.asdict(settings)),
    ):
        assert KEY not in text
    with pytest.raises(InvalidRequestError, match="not written to files or sent to other proc"):
        pickle.dumps(key)
    assert copy.deepcopy(settings) == copy.copy(settings) == settings


def test_unknown_setting_suggests_the_closest_name():
    with pytest.raises(InvalidRequestError, match=r"no setting 'patence'.*Did you mean patience\?"):
        Settings.load({}, patence=5)
    with pytest.raises(InvalidRequestError, match=r"no setting 'qqq'.*Settings: profile, base_url"):
        Settings.load({}, qqq=5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patience": 0}, "patience=0 is not valid; allowed: a number above 0"),
        (
            {"max_tasks": 2.5},
            "max_tasks=2.5 is not valid; allowed: a whole number from 1 to",
        ),
        ({"wait": "often"}, "wait='often' is not valid; allowed: auto, always or never"),
        ({"base_url": 7}, "base_url=7 is not valid"),
    ],
)
def test_arguments_are_checked_like_variables(arguments, message):
    with pytest.raises(InvalidRequestError, match="Nothing was sent") as error:
        Settings.load({}, **arguments)
    assert message in str(error.value)


def test_text_is_converted_to_the_settings_type():
    settings = load(MAX_TASKS="5", PATIENCE="7", WAIT="always", RESULTS="~/pictures")
    assert (settings.max_tasks, settings.patience, settings.wait) == (5, 7.0, True)
    assert settings.results == Path.home() / "pictures"


def test_variables_of_other_parts_of_the_package_are_ignored():
    assert load(CALLBACKS="/tmp/x", MODELS="m.toml", FRONTEND="plain", OWN_THING="1")


@pytest.fixture
def config():
    """`%config LiangXin` in a new shell."""
    LiangXin.clear_instance()
    yield LiangXin.instance()
    LiangXin.clear_instance()


def test_config_lists_every_setting_but_the_key(config):
    assert set(config.trait_names(config=True)) == {*Settings.__struct_fields__} - {"key"}
    assert config.traits()["patience"].help.startswith(SETTINGS["patience"].help)


def test_config_values_are_checked_and_used(config):
    config.patience = "5"
    config.results = "elsewhere"
    assert Settings.load({}).patience == 5.0
    assert Settings.load({}).results == Path.cwd() / "elsewhere"
    with pytest.raises(InvalidRequestError, match=r"%config LiangXin\.speed=-1 is not valid"):
        config.speed = -1
    config.patience = ""
    assert Settings.load({}).patience == 900.0


def test_values_of_a_configuration_file_are_checked_and_used():
    LiangXin.clear_instance()
    LiangXin(config=Config(LiangXin={"max_tasks": "3"}))
    assert Settings.load({}).max_tasks == 3
    with pytest.raises(InvalidRequestError, match=r"%config LiangXin\.profile='x' is not valid"):
        LiangXin(config=Config(LiangXin={"profile": "x"}))
    with pytest.raises(InvalidRequestError, match=r"Did you mean %config LiangXin\.max_tasks\?"):
        LiangXin(config=Config(LiangXin={"max_task": "3"}))


def test_config_shows_no_password(config):
    config.ledger = "postgresql://me:hunter2@host/db"
    assert (config.ledger, OVERRIDES["ledger"]) == (
        "postgresql://…@host/db", "postgresql://me:hunter2@host/db",
    )  # fmt: skip
    assert "hunter2" not in config.class_get_help(config)


def test_config_that_the_panel_has_changed_can_be_set_back(config):
    config.profile = "sandbox"
    configure(profile="", patience=20)
    config.patience = None
    assert (config.patience, OVERRIDES) == (900.0, {})
