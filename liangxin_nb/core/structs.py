"""Structs of msgspec that several threads convert."""

import msgspec

__all__ = ["prepare_structs"]


def prepare_structs(*structs: type[msgspec.Struct]) -> None:
    """Let msgspec read the annotations of structs now, at the import of their module.

    It would do so at the first conversion. If several threads make that one at the same time, the
    process crashes (a segmentation fault, with msgspec 0.22).
    """
    for struct in structs:
        msgspec.json.Decoder(struct)
