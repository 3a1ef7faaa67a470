import pytest

from tests.docs.building import CONFIG, build


@pytest.fixture(scope="session")
def site_folder(tmp_path_factory):
    """The documentation, built."""
    folder = tmp_path_factory.mktemp("site")
    done = build(CONFIG, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
