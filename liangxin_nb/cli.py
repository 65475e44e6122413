"""`liangxin …` on the command line."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from .core.printing import print_text
from .errors import InvalidRequestError, LiangxinError

__all__ = ["main"]

_HEAL_HELP = """\
Write the durable output of each job into notebook files: the picture with its caption, or the
reason why there is none. API keys in outputs are replaced by dots, also in checkpoints. Nothing is
sent; sources and other outputs stay as they are, and so does Jupyter's trust in the files.

Exit code: 0 every output is durable; 1 an output is not, since its work has not ended or is not
known, a source contains a key, or with --check: a file would be changed; 2 a file cannot be read or
written, or an option is wrong.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: Default: those of the process.
    """
    parser = argparse.ArgumentParser(prog="liangxin", description="Work with notebook files.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_heal(commands)
    _add_run(commands)
    options = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except LiangxinError as error:
        print_text(error, to_error=True)
        return 2


def _add_heal(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    heal = commands.add_parser(
        "heal", help="complete the outputs in notebook files", description=_HEAL_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    heal.add_argument("files", nargs="+", metavar="FILE", help="notebooks, folders or patterns")
    heal.add_argument("--check", action="store_true", help="change nothing")
    heal.add_argument(
        "--output", choices=("figure", "image"),
        help="convert all outputs: figure is a picture with its caption, image a bare picture",
    )  # fmt: skip
    heal.add_argument("--results", type=Path, help="the results folder; default: all known ones")
    heal.add_argument("--ledger", help="the ledger; default: ledger.sqlite in the results folder")
    heal.set_defaults(run=_heal)


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser("run", help="say what a run of a notebook would submit")
    run.add_argument("file", type=Path, metavar="NOTEBOOK", help="a notebook file")
    run.add_argument(
        "--dry-run", action="store_true",
        help="only say what a run would submit and what is known of its cost",
    )  # fmt: skip
    run.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if not options.dry_run:
        raise InvalidRequestError(
            "liangxin run needs --dry-run; nothing was run.",
            next_step=f"To run the notebook: jupyter execute {shlex.quote(str(options.file))}",
        )
    from .notebook.magics.estimate import estimate_notebook

    estimate = estimate_notebook(options.file)
    print_text(f"{estimate.table()!r}\n\n{estimate.text}")
    return 0


def _heal(options: argparse.Namespace) -> int:
    from .notebook_files.heal_file import find_notebooks, heal_file, known_sources, source_at

    worst = 0
    for path in find_notebooks(options.files):
        try:
            if options.results or options.ledger:
                sources = [source_at(options.results, options.ledger)]
            else:
                sources = known_sources(path.absolute().parent)
            report = heal_file(path, sources, style=options.output, write=not options.check)
        except LiangxinError as error:
            print_text(error, to_error=True)
            worst = 2
            continue
        for line in report.lines():
            print_text(line)
        worst = max(worst, 0 if report.is_complete else 1)
    return worst
