"""`make links`: the README's links to the repository, made from its address in pyproject.toml."""

import re
import tomllib
from pathlib import Path
from urllib.parse import quote, urlsplit

CHECKOUT = Path(__file__).parent.parent
README = CHECKOUT / "README.md"
TUTORIAL = "notebooks/01_first_picture.ipynb"
_BLOCK = re.compile(r"<!-- links -->\n.*?<!-- /links -->", re.DOTALL)


def address():
    """The repository's address."""
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["urls"]["Repository"].rstrip("/")


def block(repository):
    """The lines of the README that hold the address."""
    parts = urlsplit(repository)
    place = parts.path.strip("/")
    known = parts.hostname == "github.com"
    spec = f"gh/{place}/HEAD" if known else f"git/{quote(repository, safe='')}/HEAD"
    binder = f"https://mybinder.org/v2/{spec}?urlpath={quote(f'lab/tree/{TUTORIAL}', safe='')}"
    name = place.rpartition("/")[2]
    pull = quote(f"lab/tree/{name}/{TUTORIAL}", safe="")
    query = f"repo={quote(repository, safe='')}&urlpath={pull}"
    return f"""<!-- links -->
[![Open the first tutorial on Binder](https://mybinder.org/badge_logo.svg)]({binder})

On a JupyterHub with nbgitpuller: `https://YOUR.HUB/hub/user-redirect/git-pull?{query}`
<!-- /links -->"""


def linked(text, repository):
    """A README's text with the links of a repository."""
    return _BLOCK.sub(lambda _: block(repository), text)


if __name__ == "__main__":
    README.write_text(linked(README.read_text(encoding="utf-8"), address()), encoding="utf-8")
