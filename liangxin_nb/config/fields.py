"""The schema of all settings: names, types, limits, defaults and help texts."""

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from . import values
from .base_url import ALLOWED, normalize_base_url
from .credentials import Secret

__all__ = ["PROFILES", "SettingFields", "VariableFields"]

#: Each service profile and its public API address; LiangXin publishes none.
PROFILES = {"sandbox": "", "liangxin": "", "kie": "https://api.kie.ai"}
_PATH = "a path"
_SWITCH = "true or false"
_MAX_CREDITS, _MAX_TASKS = 1_000_000_000, 1_000_000
_DAY_S, _YEAR_S = 86_400, 31_536_000


def _setting(
    help_text: str, allowed: str, read: values.Reader = lambda value: value, **limits: Any
) -> Meta:
    return Meta(description=help_text, extra={"allowed": allowed, "read": read}, **limits)


def _number(help_text: str, *, unit: str = "a number", minimum: float = 0, maximum: float) -> Meta:
    limits = {"ge": minimum} if minimum else {"gt": 0}
    lowest = f"from {minimum:g} to" if minimum else "above 0, at most"
    allowed = f"{unit} {lowest} {maximum:,}"
    return _setting(help_text, allowed, values.read_number, le=maximum, **limits)


class SettingFields(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """The settings of a session: arguments, `%config` and environment variables."""

    profile: Annotated[
        Literal["", "sandbox", "liangxin", "kie"],
        _setting(
            "The service. Default: liangxin if there is a key or an address, else sandbox.",
            "sandbox, liangxin or kie",
            values.read_word,
        ),
    ] = ""
    base_url: Annotated[
        str,
        _setting(
            "The API's address. Default: KIE's own; LiangXin publishes none, copy it from its "
            "console.",
            ALLOWED,
            lambda value: normalize_base_url(value) if isinstance(value, str) else value,
        ),
    ] = ""
    key: Annotated[
        Secret | None,
        _setting("The API key.", "the key as its console shows it"),
    ] = None
    results: Annotated[Path, _setting("The folder for results.", _PATH, values.read_path)] = Path(
        "liangxin-results"
    )
    ledger: Annotated[
        str,
        _setting(
            "The ledger's file or database. Default: ledger.sqlite in the results folder.",
            "a path, sqlite:///PATH or postgresql://…",
            values.read_ledger,
        ),
    ] = ""
    wait: Annotated[
        bool | None,
        _setting(
            "Whether a cell waits for its result; auto: only in runs without a user.",
            "auto, always or never",
            values.read_wait,
        ),
    ] = None
    reuse: Annotated[
        bool,
        _setting(
            "Whether unchanged cells and calls get their saved result, or follow their task, "
            "instead of paying again. Default: false.",
            _SWITCH,
            values.read_word,
        ),
    ] = False
    output: Annotated[
        Literal["figure", "image"],
        _setting(
            "How a notebook shows a picture: with its caption and a link, or alone.",
            "figure or image",
            values.read_word,
        ),
    ] = "figure"
    # Both services recommend a limit; KIE's docs name 10 to 15 minutes.
    patience: Annotated[
        float,
        _number("Seconds until a wait ends; the task is then still running.", maximum=_YEAR_S),
    ] = 900.0
    timeout: Annotated[
        float,
        _number("Seconds without any data until a request counts as unanswered.", maximum=_DAY_S),
    ] = 60.0
    max_credits: (
        Annotated[
            float, _number("Maximum credits per day. Default: no limit.", maximum=_MAX_CREDITS)
        ]
        | None
    ) = None
    max_tasks: (
        Annotated[
            int,
            _number(
                "Maximum tasks per day. Default: no limit.",
                unit="a whole number",
                minimum=1,
                maximum=_MAX_TASKS,
            ),
        ]
        | None
    ) = None
    callback: Annotated[
        str,
        _setting(
            "How the service reports the end of a task. Default: none, it is polled.",
            "auto, none or an https:// URL",
            values.read_callback,
        ),
    ] = ""
    budget: Annotated[
        str,
        _setting(
            "Where all processes with this key share its rate limits. Default: a folder of this "
            "user.",
            "a path or redis://HOST[:PORT]",
            values.read_budget,
        ),
    ] = ""
    speed: Annotated[
        float,
        _number(
            "How many times faster than the real service the sandbox runs.",
            minimum=0.01,
            maximum=10_000,
        ),
    ] = 1.0
    allow_http: Annotated[
        bool,
        _setting(
            "Allow http:// to a service on a private address; the key is then not encrypted.",
            _SWITCH,
            values.read_word,
        ),
    ] = False
    group_access: Annotated[
        bool,
        _setting(
            "Whether the user's group can read new results folders.", _SWITCH, values.read_word
        ),
    ] = False


class VariableFields(Struct, frozen=True, kw_only=True):
    """The settings of a process or a server, which only environment variables set."""

    frontend: Annotated[
        Literal["", "live", "voila", "plain", "headless", "terminal", "script"],
        _setting(
            "The front end, if it is not detected correctly.",
            "live, voila, plain, headless, terminal or script",
            values.read_word,
        ),
    ] = ""
    heal_on_save: Annotated[
        bool,
        _setting(
            "Whether Jupyter's server completes the outputs of jobs when it saves a notebook.",
            _SWITCH,
            values.read_word,
        ),
    ] = True
    scan_on_save: Annotated[
        bool,
        _setting(
            "Whether Jupyter's server replaces API keys in outputs when it saves a notebook.",
            _SWITCH,
            values.read_word,
        ),
    ] = True
    models: Annotated[
        str, _setting("A TOML file with your own model definitions.", _PATH, values.read_path)
    ] = ""
    callback_base: Annotated[
        str,
        _setting(
            "The public address of this server, if it is not detected.",
            "https://HOST[:PORT][/PATH]",
            values.read_address,
        ),
    ] = ""
    callbacks: Annotated[
        str,
        _setting(
            "The folder for callbacks between server and kernels. Default: in Jupyter's runtime "
            "folder.",
            _PATH,
            values.read_path,
        ),
    ] = ""
    webhook_key: Annotated[
        Secret | None,
        _setting(
            "KIE's webhook key; unsigned callbacks are then rejected.",
            "the key as its console shows it",
        ),
    ] = None
    sandbox_key: Annotated[Secret | None, _setting("The key of the sandbox.", "a key")] = None
    sandbox_webhook_key: Annotated[
        Secret | None,
        _setting("The key with which the sandbox signs callbacks.", "a key"),
    ] = None
    sandbox_linger: Annotated[
        float,
        _setting(
            "Seconds until a sandbox that no kernel uses ends.",
            "a number from 0 to 86,400",
            values.read_number,
            ge=0,
            le=_DAY_S,
        ),
    ] = 10.0
