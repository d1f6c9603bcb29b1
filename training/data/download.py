"""The public data sets, downloaded from where their authors published them and checked byte for byte."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import queue
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

from landscape.results.display.printable import printable
from landscape.results.storage.files import atomic
from landscape.results.storage.outputs import made_folder
from landscape.training.data.catalogue import KNOWN, SYNTHETIC, match, unknown

# A commit, not a branch: what it names cannot change. Its files' SHA-256 are in the catalogue.
BASE_URL = "https://raw.githubusercontent.com/RUCAIBox/CIKM2020-S3Rec/2a81540ae18615d88ef88227b0c066e5b74781e5/data"
BASE_URL_VARIABLE = "LANDSCAPE_DATA_URL"  # a mirror, for those who cannot reach the original
TIMEOUT = 30.0  # seconds without an answer
DEADLINE = 600.0  # seconds for a whole file, however slowly it comes
MAX_BYTES = 64 * 2**20  # twenty times the largest file: a server that never ends is not the right one


def fetch(
    name: str, folder: str | Path, *, base_url: str | None = None, timeout: float = TIMEOUT, deadline: float = DEADLINE
) -> Path:
    """Download a public data set and its attributes into ``folder``, made if missing; right files stay as they are.

    The proxies of ``http_proxy``, ``https_proxy`` and ``no_proxy`` are used. A file appears under its name only
    once it is complete and its SHA-256 is right. A name and a password in the URL are sent to its server, and shown
    to nobody.

    Args:
        name: One of ``KNOWN``; case and a trailing ``_and_…`` do not matter.
        folder: Where the files go.
        base_url: The folder to download from; default ``$LANDSCAPE_DATA_URL`` or S3Rec's repository.
        timeout: Seconds to wait for an answer.
        deadline: Seconds that a file may take as a whole.

    Returns:
        The data file.

    Raises:
        ValueError: The name is unknown, a file in the folder is another than the published one, or what came
            from the server is.
        ConnectionError: The server cannot be reached, does not have the file or is too slow; the message says what to
            do by hand.
    """
    if name.lower() == SYNTHETIC:
        raise ValueError(f"{SYNTHETIC} is built in; there is nothing to fetch")
    known = match(name, KNOWN)
    if known is None:
        raise ValueError(f"{unknown(name)} (to fetch there are {', '.join(KNOWN)})")
    base_url = (base_url or os.environ.get(BASE_URL_VARIABLE) or BASE_URL).rstrip("/")
    folder = Path(folder)
    files = KNOWN[known].files
    by_hand = f"by hand: download {' and '.join(files)} from {_shown(base_url)} and put them into {folder}"
    with made_folder(folder):
        # The data file comes last: where it is, its attributes are too.
        for file, sha256 in reversed(files.items()):
            if not _is_there(folder / file, sha256):
                url = f"{base_url}/{file}"
                content = _in_time(partial(_download, url, timeout, by_hand), url, deadline, by_hand)
                _check(content, sha256, f"what {_shown(url)} sent", f"nothing was kept; {by_hand}")
                with atomic(folder / file) as target:
                    target.write(content)
    return folder / f"{known}.txt"


def _is_there(path: Path, sha256: str) -> bool:
    if not path.exists():
        return False
    _check(path.read_bytes(), sha256, f"{path}, there already,", "move it away to fetch that one")
    return True


def _check(content: bytes, sha256: str, what: str, remedy: str) -> None:
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        differs = f"differs from the published file (SHA-256 {actual[:12]}…, not {sha256[:12]}…)"
        raise ValueError(f"{what} {differs}; {remedy}")


def _in_time(download: Callable[[], bytes], url: str, deadline: float, by_hand: str) -> bytes:
    """Download in a thread of its own: looking up a name and reading headers know no deadline."""
    ended: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            ended.put(download())
        except Exception as problem:
            ended.put(problem)

    threading.Thread(target=run, daemon=True).start()
    try:
        content = ended.get(timeout=deadline)
    except queue.Empty:
        raise ConnectionError(
            f"{_shown(url)}: not complete after {deadline:g} seconds; try again, or {by_hand}"
        ) from None
    if isinstance(content, Exception):
        raise content
    return content


def _download(url: str, timeout: float, by_hand: str) -> bytes:
    shown = _shown(url)
    try:
        # urlopen would keep the proxies that were set when it was first called.
        with urllib.request.build_opener().open(_request(url), timeout=timeout) as answer:
            content: bytes = answer.read(MAX_BYTES)
            announced = answer.headers.get("Content-Length", "")
    except urllib.error.HTTPError as problem:
        raise ConnectionError(f"{shown}: the server answered {problem.code} {problem.reason}; {by_hand}") from None
    except urllib.error.URLError as problem:
        raise ConnectionError(f"{shown} cannot be reached ({problem.reason}); {by_hand}") from None
    except ValueError:  # whose message may hold all of it
        raise ValueError(f"{shown} is not a URL that can be fetched; {by_hand}") from None
    except (http.client.HTTPException, OSError) as problem:
        raise ConnectionError(f"{shown}: the download broke off ({problem!r}); try again, or {by_hand}") from None
    if announced.isdigit() and len(content) < int(announced):
        raise ConnectionError(
            f"{shown}: the download broke off after {len(content):,} of {int(announced):,} bytes; "
            f"try again, or {by_hand}"
        )
    return content


def _request(url: str) -> urllib.request.Request:
    """Return a request in which name and password are a header, as servers want them, and not part of the URL."""
    user, plain = _divided(url)
    request = urllib.request.Request(plain)
    if user:
        code = base64.b64encode(urllib.parse.unquote_to_bytes(user)).decode()
        request.add_unredirected_header("Authorization", f"Basic {code}")
    return request


def _shown(url: str) -> str:
    """Return a URL for messages, without name and password."""
    return printable(_divided(url)[1])


def _divided(url: str) -> tuple[str, str]:
    """Return ``NAME:PASSWORD`` of a URL, and the URL without it."""
    scheme, separator, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    user, _, host = place.rpartition("@")
    return (user, f"{scheme}{separator}{host}{slash}{path}") if separator else ("", url)
