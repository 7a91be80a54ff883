"""With `audit.reads = "strict"` no read is lost of which a byte was sent, whenever the server is killed."""

import os
import random
import threading
from pathlib import Path

from callers import API, Accounts
from harness import Installation, eventually
from torture.database import Postgres, Sqlite
from torture.readers import Reader, lost, recorded

LONG = "MODELPORT_TEST_LONG" in os.environ
KILLS = int(os.environ.get("MODELPORT_TEST_KILLS", 100 if LONG else 8))
SEED = int(os.environ.get("MODELPORT_TEST_SEED") or random.SystemRandom().randrange(10**9))
READERS = 4
# By what their bytes begin with, so that they are known wherever they are found.
FILES = {f"{number}.bin": f"<begin {number}>".encode() + bytes(20_000 * (number + 1)) for number in range(4)}
WAYS = {"file.download", "archive.download"}
FOLDER = f"{API}/models/digits/versions/1/files"


def test_no_read_is_lost(installation: Installation, figures: list[str]) -> None:
    drawn = random.Random(SEED)
    accounts = Accounts.of(installation, {"MODELPORT__AUDIT__READS": "strict"})
    for path, data in FILES.items():
        accounts.admin.put("digits", data, path=path)
    servers = [accounts.server]
    handles = [f"reader-{number}" for number in range(READERS)]
    tokens = [accounts.service(handle, "reader").token for handle in handles]
    readers = [
        Reader(handle, token, drawn.getrandbits(32), lambda: servers[-1:], FOLDER, FILES)
        for handle, token in zip(handles, tokens, strict=True)
    ]
    threads = [threading.Thread(target=reader.work, daemon=True) for reader in readers]
    for thread in threads:
        thread.start()
    pause = threading.Event()
    for _ in range(KILLS):
        pause.wait(drawn.uniform(0.1, 0.8))
        servers[-1].kill()
        servers.append(installation.serve())
    # Each way is tried, however slow the machine is.
    eventually(lambda: {how for reader in readers for _, how, _ in list(reader.came)} == WAYS, "a read of each way")
    for reader in readers:
        reader.stopped.set()
    for thread in threads:
        thread.join(60)
    servers[-1].stop()
    assert [wrong for reader in readers for wrong in reader.wrong] == []
    url = installation.places[3]
    database = Postgres(url) if url.startswith("postgres") else Sqlite(Path(url.removeprefix("sqlite://")))
    found = recorded(database)
    assert lost(readers, found) == [], f"seed {SEED}"
    came = sum(sum(reader.came.values()) for reader in readers)
    figures.append(f"{KILLS} kills among {came} reads of {found.total()} that the trail has, seed {SEED}")
