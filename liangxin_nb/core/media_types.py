"""File types by suffix: the kind that decides how a file is shown, and its MIME type."""

from __future__ import annotations

__all__ = ["canonical_suffix", "kind_of", "mime_type", "suffix_of"]

#: MIME types by kind and suffix. Images are the formats that are decoded and shown; other
#: formats of pictures are files.
_TYPES = {
    "image": {
        "png": "image/png",
        "jpg": "image/jpeg",
        "webp": "image/webp",
        "gif": "image/gif",
        "avif": "image/avif",
    },
    "video": {
        "mp4": "video/mp4",
        "mov": "video/quicktime",
        "webm": "video/webm",
        "mkv": "video/x-matroska",
        "avi": "video/x-msvideo",
    },
    "audio": {
        "mp3": "audio/mpeg",
        "wav": "audio/wav",
        "ogg": "audio/ogg",
        "m4a": "audio/mp4",
        "flac": "audio/flac",
        "aac": "audio/aac",
    },
    "text": {"txt": "text/plain", "md": "text/markdown", "json": "application/json"},
    "file": {
        "zip": "application/zip",
        "pdf": "application/pdf",
        "glb": "model/gltf-binary",
        "svg": "image/svg+xml",
        "heic": "image/heic",
        "tiff": "image/tiff",
        "bmp": "image/bmp",
        "psd": "image/vnd.adobe.photoshop",
        "exr": "image/x-exr",
        "jp2": "image/jp2",
        "br": "application/x-brotli",
        "zst": "application/zstd",
        "bin": "application/octet-stream",
    },
}
_ALIASES = {"jpeg": "jpg", "jfif": "jpg", "tif": "tiff", "heif": "heic", "mpga": "mp3"}
_KINDS = {suffix: kind for kind, types in _TYPES.items() for suffix in types}
_MIME_TYPES = {suffix: mime for types in _TYPES.values() for suffix, mime in types.items()}


def canonical_suffix(name: str) -> str:
    """Return the suffix of a file name in its usual spelling, or ``"bin"`` for an unknown one.

    Args:
        name: A file name, or a suffix with or without its dot.
    """
    suffix = name.rpartition(".")[2].lower()
    suffix = _ALIASES.get(suffix, suffix)
    return suffix if suffix in _KINDS else "bin"


def kind_of(name: str) -> str:
    """Return the kind of a file: ``image``, ``video``, ``audio``, ``text`` or ``file``.

    Args:
        name: A file name, or a suffix with or without its dot.
    """
    return _KINDS[canonical_suffix(name)]


def mime_type(name: str) -> str:
    """Return the MIME type of a file.

    Args:
        name: A file name, or a suffix with or without its dot.
    """
    return _MIME_TYPES[canonical_suffix(name)]


def suffix_of(mime: str) -> str:
    """Return the suffix for a MIME type, or ``"bin"`` for an unknown one.

    Args:
        mime: Such as ``image/png``, without parameters.
    """
    return next((suffix for suffix, known in _MIME_TYPES.items() if known == mime), "bin")
