"""Downloads from a local server: right, wrong, missing, cut short, and none at all."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from landscape.training.data import catalogue
from landscape.training.data.catalogue import KNOWN, Published
from landscape.training.data.dataset import load
from landscape.training.data.download import BASE_URL, fetch

DATA = b"1 1 2 3\n2 3 4 1\n"
ATTRIBUTES = b'{"1": [1, 2]}'


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Server(ThreadingHTTPServer):
    """Sends ``files`` (path to body), claims ``claimed`` bytes if set, and notes what it was ``asked`` for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/data/Beauty.txt": DATA, "/data/Beauty_item2attributes.json": ATTRIBUTES}
        self.claimed: int | None = None
        self.asked: list[str] = []
        self.authorized: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_port}/data"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        self.server.asked.append(self.path)
        self.server.authorized.append(self.headers["Authorization"])
        body = self.server.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(self.server.claimed or len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    # The published files are not for tests to hold: the catalogue names small ones in their place.
    monkeypatch.setitem(catalogue.KNOWN, "Beauty", Published("Beauty", 2, 4, 6, sha256(DATA), sha256(ATTRIBUTES)))
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def refusal(kind, name, folder, **options) -> str:
    """The one line of the error that fetching raises."""
    with pytest.raises(kind, match=r"\A.+\Z") as raised:
        fetch(name, folder, **options)
    return str(raised.value)


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_fetched_data_loads(server, tmp_path):
    folder = tmp_path / "new" / "folder"
    assert fetch("beauty", folder, base_url=server.url) == folder / "Beauty.txt"
    assert names(folder) == ["Beauty.txt", "Beauty_item2attributes.json"]
    data = load("beauty", data_dir=folder)
    assert data.sha256 == sha256(DATA)
    assert data.attributes is not None
    assert data.attributes.sha256 == sha256(ATTRIBUTES)


def test_the_server_can_be_named_in_the_environment(server, tmp_path, monkeypatch):
    monkeypatch.setenv("LANDSCAPE_DATA_URL", server.url + "/")
    fetch("Beauty", tmp_path)
    assert server.asked == ["/data/Beauty_item2attributes.json", "/data/Beauty.txt"]


def test_a_proxy_is_respected(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/data"))
    server.files = {f"http://data.invalid{path}": body for path, body in server.files.items()}
    fetch("Beauty", tmp_path, base_url="http://data.invalid/data")
    assert server.asked[-1] == "http://data.invalid/data/Beauty.txt"


def test_right_files_are_kept(server, tmp_path):
    fetch("Beauty", tmp_path, base_url=server.url)
    before = [path.stat().st_mtime_ns for path in tmp_path.iterdir()]
    server.asked.clear()
    fetch("Beauty", tmp_path, base_url=server.url)
    assert server.asked == []
    assert [path.stat().st_mtime_ns for path in tmp_path.iterdir()] == before


def test_a_missing_half_is_fetched(server, tmp_path):
    (tmp_path / "Beauty.txt").write_bytes(DATA)
    fetch("Beauty", tmp_path, base_url=server.url)
    assert server.asked == ["/data/Beauty_item2attributes.json"]
    assert names(tmp_path) == ["Beauty.txt", "Beauty_item2attributes.json"]


def test_somebody_elses_file_is_not_overwritten(server, tmp_path):
    (tmp_path / "Beauty.txt").write_bytes(b"1 4 5 6\n")
    message = refusal(ValueError, "Beauty", tmp_path, base_url=server.url)
    assert f"{tmp_path / 'Beauty.txt'}, there already, differs" in message
    assert "move it away" in message
    assert (tmp_path / "Beauty.txt").read_bytes() == b"1 4 5 6\n"


def test_a_wrong_file_is_not_kept(server, tmp_path):
    server.files["/data/Beauty_item2attributes.json"] = b"<html>Please log in</html>"
    message = refusal(ValueError, "Beauty", tmp_path, base_url=server.url)
    assert "differs from the published file" in message
    assert "nothing was kept" in message
    assert names(tmp_path) == []


def test_a_missing_file(server, tmp_path):
    del server.files["/data/Beauty_item2attributes.json"]
    message = refusal(ConnectionError, "Beauty", tmp_path, base_url=server.url)
    assert "answered 404" in message
    assert f"put them into {tmp_path}" in message
    assert names(tmp_path) == []


def test_a_download_that_is_cut_short(server, tmp_path):
    server.claimed = 1000
    message = refusal(ConnectionError, "Beauty", tmp_path, base_url=server.url)
    assert f"broke off after {len(ATTRIBUTES)} of 1,000 bytes" in message
    assert names(tmp_path) == []


def test_no_server(server, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers here
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        message = refusal(ConnectionError, "Beauty", tmp_path, base_url=url)
    assert "cannot be reached" in message
    assert f"download Beauty.txt and Beauty_item2attributes.json from {url} and put them into {tmp_path}" in message


def test_a_server_that_is_silent(server, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        message = refusal(ConnectionError, "Beauty", tmp_path, base_url=url, timeout=0.05)
    assert "timed out" in message


def test_a_server_that_never_ends_its_headers(tmp_path):
    """Each of its bytes comes within the timeout; the deadline is that of the whole."""
    with socket.create_server(("127.0.0.1", 0)) as slow:
        stopped = threading.Event()

        def answer():
            connection, _ = slow.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not stopped.wait(0.02):
                    connection.sendall(b"x")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{slow.getsockname()[1]}"
        message = refusal(ConnectionError, "Beauty", tmp_path / "new", base_url=url, timeout=5, deadline=0.3)
        stopped.set()  # the server was still sending
        thread.join()
    assert "not complete after 0.3 seconds" in message
    assert not (tmp_path / "new").exists()


def test_name_and_password_are_sent_and_never_shown(server, tmp_path):
    url = server.url.replace("//", "//me:se%40cret@")
    fetch("Beauty", tmp_path, base_url=url)
    assert {*server.authorized} == {"Basic " + base64.b64encode(b"me:se@cret").decode()}
    (tmp_path / "Beauty.txt").unlink()
    del server.files["/data/Beauty.txt"]
    for wrong in (url, "ftpp://me:secret@host", "http://me:secret@host:port/data", "http://me:secret@127.0.0.1:1"):
        with pytest.raises((ValueError, ConnectionError), match="Beauty") as raised:
            fetch("Beauty", tmp_path, base_url=wrong)
        assert "cret" not in str(raised.value)
        assert "me:" not in str(raised.value)


def test_something_that_speaks_no_http(server, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer():
            connection, _ = other.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"220 mail ready\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        message = refusal(ConnectionError, "Beauty", tmp_path, base_url=f"http://127.0.0.1:{other.getsockname()[1]}")
        thread.join()
    assert "broke off" in message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("beuty", "did you mean Beauty?"),
        ("qqqqqq", "Beauty, Sports_and_Outdoors, Toys_and_Games, Yelp"),
        ("synthetic", "built in"),
    ],
)
def test_names_that_cannot_be_fetched(tmp_path, name, message):
    assert message in refusal(ValueError, name, tmp_path)


def test_a_url_that_is_none(tmp_path):
    assert "Beauty" in refusal(ValueError, "Beauty", tmp_path, base_url="nonsense")


def test_the_catalogue_names_a_fixed_commit_and_whole_checksums():
    commit = BASE_URL.split("/")[-2]
    assert len(commit) == 40
    assert int(commit, 16)
    for known in KNOWN.values():
        assert all(len(value) == 64 and int(value, 16) for value in known.files.values())
        assert list(known.files) == [f"{known.name}.txt", f"{known.name}_item2attributes.json"]
