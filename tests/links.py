"""`make links`: update the README's links with the repository's URL from pyproject.toml."""

import re
import tomllib
from pathlib import Path
from urllib.parse import quote, urlsplit

CHECKOUT = Path(__file__).parent.parent
README = CHECKOUT / "README.md"
TUTORIAL = "notebooks/01_first_picture.ipynb"
_BLOCK = re.compile(r"<!-- links -->\n.*?<!-- /links -->", re.DOTALL)


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


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(replace_links(text, repository_url()), encoding="utf-8")
