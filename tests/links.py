"""`make links`: update the README's links and its table of settings.

The links contain the repository's URL from pyproject.toml, the table is the schema of the settings.
"""

import re
import tomllib
from pathlib import Path
from urllib.parse import quote, urlsplit

from liangxin_nb.config.schema import SETTINGS

CHECKOUT = Path(__file__).parent.parent
README = CHECKOUT / "README.md"
TUTORIAL = "notebooks/01_first_picture.ipynb"
_BLOCK = re.compile(r"<!-- links -->\n.*?<!-- /links -->", re.DOTALL)
_SETTINGS = re.compile(r"<!-- settings -->\n.*?<!-- /settings -->", re.DOTALL)


def repository_url():
    """Return the repository's URL in pyproject.toml."""
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["urls"]["Repository"].rstrip("/")


def link_block(repository):
    """Return the lines of the README that contain the repository's URL."""
    parts = urlsplit(repository)
    path = parts.path.strip("/")
    on_github = parts.hostname == "github.com"
    spec = f"gh/{path}/HEAD" if on_github else f"git/{quote(repository, safe='')}/HEAD"
    binder = f"https://mybinder.org/v2/{spec}?urlpath={quote(f'lab/tree/{TUTORIAL}', safe='')}"
    name = path.rpartition("/")[2]
    pull = quote(f"lab/tree/{name}/{TUTORIAL}", safe="")
    query = f"repo={quote(repository, safe='')}&urlpath={pull}"
    return f"""<!-- links -->
[![Open the first tutorial on Binder](https://mybinder.org/badge_logo.svg)]({binder})

On a JupyterHub with nbgitpuller: `https://YOUR.HUB/hub/user-redirect/git-pull?{query}`
<!-- /links -->"""


def replace_links(text, repository):
    """Return a README with the links of a repository."""
    return _BLOCK.sub(lambda _: link_block(repository), text)


def replace_settings(text):
    """Return a README with the table of the settings."""
    rows = ["| setting | variable | allowed | meaning |", "|---|---|---|---|"]
    for name, setting in SETTINGS.items():
        places = {("argument", "variable"): f"`{name}` (argument only)", ("variable",): ""}
        allowed = re.sub(
            r"https?://[^\s,]*|redis://\S*|postgresql://…|sqlite:///PATH",
            r"`\g<0>`",
            setting.allowed,
        )
        place = places.get(setting.sources, f"`{name}`")
        rows.append(f"| {place} | `{setting.variable}` | {allowed} | {setting.help} |")
    table = "\n".join(["<!-- settings -->", *rows, "<!-- /settings -->"])
    return _SETTINGS.sub(lambda _: table, text)


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    text = replace_settings(replace_links(text, repository_url()))
    README.write_text(text, encoding="utf-8")
