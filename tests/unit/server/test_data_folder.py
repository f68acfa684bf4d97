from __future__ import annotations

from pathlib import Path

import pytest

from server.data_folder import DataFolder, DataFolderError


async def test_it_is_made_for_its_owner_alone_and_one_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir(mode=0o755)
    for path, mode in ((tmp_path / "new" / "var", 0o700), (there, 0o755)):
        folder = DataFolder(path)
        await folder.start()
        await folder.stop()
        await folder.stop()
        assert path.stat().st_mode & 0o777 == mode


async def test_a_second_gateway_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    await first.start()
    with pytest.raises(DataFolderError, match="another gateway uses the data folder"):
        await second.start()
    await first.stop()
    await second.start()
    await second.stop()


@pytest.mark.parametrize("name", ["file", "nul\0"])
async def test_what_cannot_be_a_folder_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(DataFolderError, match="cannot be used"):
        await DataFolder(tmp_path / name).start()
