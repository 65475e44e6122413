"""What becomes of a job after each shape of a result and each trouble with its files."""

from ipaddress import ip_network

from . import scripts
from .rows import not_fetched, result_lost, saved

__all__ = ["RESULT_ROWS"]

#: The sandbox draws three pictures for a model that is not in the catalogue.
THREE = {"options": {"model": "other/model", "any_model": True, "max_images": 3, "size": None}}
#: Results that are not there yet are awaited, with short pauses.
LATE = {
    "patches": {
        "engine.output_fetcher.PATIENCE_S": 180.0, "engine.output_fetcher._PAUSES_S": (0.02,),
    }
}  # fmt: skip
FAKE_NETWORK = {"api.addresses.FAKE_IP_NETWORKS": (ip_network("127.0.0.0/8"),)}

RESULT_ROWS = [
    # resultJson in every shape
    *[
        saved(f"result-shape:{shape}")
        for shape in (
            *("objects", "result-url-objects", "json-text", "one-text", "list", "object-list"),
            *("bare-url", "images", "audio-url", "video-url", "image-url", "videoUrl", "nested"),
            *("b64-json", "data-url", "base64", "relative", "protocol-relative", "newline"),
            *("spaces", "duplicates", "no-suffix"),
        )
    ],
    saved("result-object"),
    saved("result-twice"),
    not_fetched("result-shape:unreadable", "names no result.*resume", files="the answer"),
    not_fetched("result-missing", "names no result.*resume", files="the answer"),
    # not there yet
    saved("result-late:0.2", **LATE),
    saved("result-missing*2", **LATE),
    saved("file-late:3", **LATE),
    saved("file-late-403:3", **LATE),
    saved("file-late-empty:3", **LATE),
    saved("file-expired-once"),
    saved("file-cut-once"),
    saved("file-500*2"),
    # some of several outputs are dead: the others are saved
    saved("", files="3", **THREE),
    saved("file-dead:2", "2 of 3 outputs", files="2 of 3", **THREE),
    saved("file-dead:1+3", "1 of 3 outputs", files="1 of 3", **THREE),
    saved("result-shape:dead-frames"),
    saved("result-shape:dead-frames, file-film:1"),
    result_lost("file-dead:1+2+3", r"expired \(HTTP 404\).*resume", **THREE),
    result_lost("file-404", r"expired \(HTTP 404\).*resume"),
    result_lost("file-403", r"expired \(HTTP 403\).*resume"),
    result_lost("file-410", r"expired \(HTTP 410\).*resume"),
    # an error in place of a file
    result_lost("file-html", "not a usable picture.*resume"),
    result_lost("file-as:json-error", "not a usable picture.*resume"),
    result_lost("file-empty", "not a usable picture.*resume"),
    result_lost("file-short", "not a usable picture.*cut off.*resume"),
    result_lost("file-as:mp4, file-short", "cut off.*resume"),
    not_fetched("file-truncated", "could not be fetched.*resume"),
    not_fetched(
        "file-dribble:0.1",
        "did not arrive within.*resume",
        patches={"api.downloads._MAX_DURATION_S": 0.4},
    ),
    # any bytes are saved as they are
    *[saved(f"file-as:{form}") for form in ("tiff", "gif", "bmp", "svg", "heic", "aac", "mp4")],
    saved("file-as:broken-exif"),
    saved("file-as:unknown"),
    saved("file-as:large-png"),
    saved("file-as:large-jpeg"),
    saved("file-bomb"),
    saved("file-film:2"),
    saved("file-as:tiff, file-png-type"),
    saved("result-shape:no-suffix, file-as:aac, file-no-type"),
    saved("result-shape:no-suffix, file-as:mp4, file-no-type"),
    saved("file-wrong-type"),
    saved("file-no-type"),
    saved("file-gzip"),
    saved("file-gzip-twice"),
    saved("file-gzip-claimed"),
    result_lost("file-gzip-bomb", "larger than.*resume"),
    result_lost("file-endless", "larger than 4 MiB.*resume"),
    saved("file-slow:0.1"),
    saved("file-cookie"),
    # where the files are
    saved("file-redirect"),
    saved(
        "host in the API's fake-IP range",
        script=scripts.file_address("127.0.0.2"),
        patches=FAKE_NETWORK,
    ),
    result_lost(
        "host in a private network",
        "inside a private network.*resume",
        script=scripts.file_address("10.1.2.3"),
    ),
    result_lost("file-redirect-evil", "inside a private network.*resume"),
    result_lost("file-redirect-loop", "redirects more than 5 times.*resume"),
    result_lost("file-redirect-scheme", "not http or https.*resume"),
    # the results folder cannot be written
    not_fetched(
        "file in place of the folder", "cannot be written.*resume", script=scripts.no_folder
    ),
]
