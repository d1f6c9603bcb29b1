"""Files of ``torch.save``: opened without running code, and refused before they expand."""

import io
import os
import zipfile

import pytest
import torch

from landscape.training.checkpoints.plain_files import load_plain, save_plain


def test_values_come_back(tmp_path):
    save_plain({"a": torch.arange(3), "b": [1, "x", None]}, tmp_path / "a.pt")
    found = load_plain(tmp_path / "a.pt", "file")
    assert found["a"].tolist() == [0, 1, 2]
    assert found["b"] == [1, "x", None]


def test_files_of_old_versions_of_torch_are_read(tmp_path):
    torch.save({"a": torch.arange(3)}, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    assert load_plain(tmp_path / "a.pt", "file")["a"].tolist() == [0, 1, 2]


def packed(values):
    """The same file with its parts packed, as torch.save does not."""
    buffer, result = io.BytesIO(), io.BytesIO()
    torch.save(values, buffer)
    with (
        zipfile.ZipFile(buffer) as stored,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in stored.namelist():
            archive.writestr(name, stored.read(name))
    return result.getvalue()


def changed_sum(values):
    """One byte of a tensor differs from its check sum."""
    buffer = io.BytesIO()
    torch.save(values, buffer)
    content = buffer.getvalue()
    at = content.index(torch.arange(64).numpy().tobytes())
    return content[:at] + b"\x07" + content[at + 1 :]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (packed({"a": torch.zeros(10**6)}), "its parts take 4,00.,... bytes, more than the file"),
        (changed_sum({"a": torch.arange(64)}), "the check sum of .* is wrong"),
        (b"\x80\x02", r"damaged or not a file \(EOFError\)"),  # an error without a text
        (b"PK\x03\x04", "damaged or not a file"),
        (b"PK\x05\x06" + bytes(18), "damaged or not a file"),
        (b"\x80\x02X\xff\xff\xff\x7fa", "damaged or not a file"),  # a text of two gigabytes, of which one byte is there
    ],
)
def test_damaged_files_are_refused_in_one_line(content, message, tmp_path):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(ValueError, match=message) as refused:
        load_plain(tmp_path / "a.pt", "file")
    assert str(refused.value).startswith(f"{tmp_path / 'a.pt'} ")
    assert "\n" not in str(refused.value)


def test_a_pipe_and_a_device_are_refused_before_they_are_opened(tmp_path):
    os.mkfifo(tmp_path / "fifo.pt")
    (tmp_path / "zero.pt").symlink_to("/dev/zero")
    for name in ("fifo.pt", "zero.pt"):
        with pytest.raises(ValueError, match=f"{name} is a pipe or a device"):
            load_plain(tmp_path / name, "file")
