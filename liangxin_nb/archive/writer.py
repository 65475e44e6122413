"""An export: the ledger's rows, the results they name and the notebooks, in one zip.

The rows are read first and at one moment, so work that goes on meanwhile does no harm: what is
kept a second later is unfinished in the zip, and can be collected from there.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from importlib import metadata
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from ..errors import InvalidRequestError
from ..ledger import Ledger, TransferRow, all_batches, batch_to_json, export_rows
from ..results import ResultStore, find_poster, metadata_file
from .format import FORMAT, LEDGER, MAX_NOTEBOOK_BYTES, NOTEBOOKS, RESULTS, ExportReport

__all__ = ["write_zip"]

_UNCOMPRESSED = (".json", ".txt", ".ipynb")
_README = """What liangxin_nb made, packed to be taken elsewhere.

results/      the files as they are, each folder with its metadata.json
ledger.jsonl  one line per task: what was asked for and what became of it
notebooks/    the notebooks as they were last saved

To take it in: %liangxin import FILE.zip, or liangxin_nb.import_archive("FILE.zip").
"""


def write_zip(
    ledger: Ledger,
    results: ResultStore,
    path: Path,
    notebooks: Iterable[Path],
    secrets: Sequence[str],
) -> ExportReport:
    """Writes the zip, whole or not at all; a file that holds a secret is left out and named.

    `path`: a file that is not there yet, or a folder for one with today's name. Raises
    `InvalidRequestError` when it is there already or cannot be written.
    """
    path = _unused_path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        batches = [batch_to_json(batch_record) for batch_record in all_batches(ledger)]
        packed = _write_parts(
            part,
            path,
            batches,
            export_rows(ledger),
            results.root,
            notebooks,
            _secret_forms(secrets),
        )
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise InvalidRequestError(
            f"{str(path)!r} cannot be written ({error.strerror or error}).",
            next_step="Name another place: %liangxin export FILE.zip",
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return packed


def _unused_path(path: Path) -> Path:
    path = path.expanduser().absolute()
    if not path.is_dir():
        if path.exists():
            raise InvalidRequestError(
                f"{str(path)!r} is there already.", next_step="Name another file."
            )
        return path
    stem = f"liangxin-{datetime.now().astimezone():%Y-%m-%d-%H%M}"
    names = (f"{stem}{'' if n == 1 else f'-{n}'}.zip" for n in range(1, 10_000))
    return next(path / name for name in names if not (path / name).exists())


def _write_parts(
    part: Path,
    path: Path,
    batches: Sequence[str],
    records: Sequence[TransferRow],
    root: Path,
    notebooks: Iterable[Path],
    secrets: Sequence[bytes],
) -> ExportReport:
    left: list[str] = []
    with ZipFile(part, "w", ZIP_DEFLATED, strict_timestamps=False) as archive:
        archive.writestr("README.txt", _README)
        with archive.open(LEDGER, "w", force_zip64=True) as lines:
            for line in (_header(len(records)), *batches, *(row.to_json() for row in records)):
                lines.write(_redact(line.encode("utf-8"), secrets) + b"\n")
        kept = [row for row in records if row.values["status"] == "saved"]
        results = [_add_result(archive, root, row, secrets, left) for row in kept]
        names: set[str] = set()
        for file in notebooks:
            _add_notebook(archive, file, names, secrets, left)
    return ExportReport(path, len(records), sum(results), len(names), tuple(left))


def _header(records: int) -> str:
    with suppress(metadata.PackageNotFoundError):
        version = metadata.version("liangxin_nb")
        made = f"{datetime.now().astimezone():%Y-%m-%dT%H:%M:%S%z}"
        return json.dumps(
            {"liangxin_nb": version, "format": FORMAT, "made": made, "records": records}
        )
    return json.dumps({"liangxin_nb": "", "format": FORMAT, "records": records})


def _add_result(
    archive: ZipFile, root: Path, row: TransferRow, secrets: Sequence[bytes], left: list[str]
) -> bool:
    """A result's files, all or none."""
    folder = row.values.get("folder", "")
    files = [metadata_file(root / folder), *(root / folder / f["name"] for f in row.files)]
    if not folder or any(file.is_symlink() or not file.is_file() for file in files):
        left.append(f"{folder or row.values['id']}, whose files are gone.")
        return False
    files += filter(None, map(find_poster, files[1:]))
    if any(_contains_secret(file, secrets) for file in files):
        left.append(f"{folder}, which holds your key.")
        return False
    for file in files:
        _add(archive, file, f"{RESULTS}/{folder}/{file.name}")
    return True


def _add_notebook(
    archive: ZipFile, file: Path, names: set[str], secrets: Sequence[bytes], left: list[str]
) -> None:
    if file.is_symlink() or not file.is_file() or file.name in names:
        return
    if file.stat().st_size > MAX_NOTEBOOK_BYTES:
        left.append(f"{file.name}, which is larger than {MAX_NOTEBOOK_BYTES // 2**20} MB.")
    elif _contains_secret(file, secrets):
        left.append(f"{file.name}, which holds your key. Take it out of the notebook.")
    else:
        _add(archive, file, f"{NOTEBOOKS}/{file.name}")
        names.add(file.name)


def _add(archive: ZipFile, file: Path, name: str) -> None:
    # What is a picture or a film is as small as it gets.
    archive.write(file, name, ZIP_DEFLATED if file.suffix in _UNCOMPRESSED else ZIP_STORED)


def _secret_forms(secrets: Sequence[str]) -> list[bytes]:
    """Each secret as it may stand in a file: plain, and in base64."""
    plain = [secret.encode() for secret in secrets if len(secret) >= 8]
    return [*plain, *(base64.b64encode(secret).rstrip(b"=") for secret in plain)]


def _redact(line: bytes, secrets: Sequence[bytes]) -> bytes:
    for secret in secrets:
        line = line.replace(secret, "••••••".encode())
    return line


def _contains_secret(file: Path, secrets: Sequence[bytes]) -> bool:
    """Whether a file holds one, read in pieces that overlap."""
    longest = max(map(len, secrets), default=1)
    tail = b""
    with file.open("rb") as data:
        while secrets and (piece := data.read(1 << 20)):
            if any(secret in tail + piece for secret in secrets):
                return True
            tail = piece[-longest:]
    return False
