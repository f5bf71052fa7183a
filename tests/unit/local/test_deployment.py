import os
import zipfile
from pathlib import Path

from infra.local.deployment import zipped


def test_the_same_files_give_the_same_archive(tmp_path: Path) -> None:
    folder = tmp_path / "asset"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "b.txt").write_text("b")
    (folder / "a.txt").write_text("a")
    first = zipped(folder, tmp_path / "1.zip").read_bytes()
    os.utime(folder / "a.txt", (1, 1))
    assert zipped(folder, tmp_path / "2.zip").read_bytes() == first
    assert zipfile.ZipFile(tmp_path / "1.zip").namelist() == ["a.txt", "deep/b.txt"]


def test_an_archive_keeps_what_may_be_executed(tmp_path: Path) -> None:
    folder = tmp_path / "asset"
    folder.mkdir()
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    with zipfile.ZipFile(zipped(folder, tmp_path / "1.zip")) as archive:
        assert archive.getinfo("run").external_attr >> 16 & 0o777 == 0o755
