"""Uploads a file with the stock tuspy, and tells on its output where it goes and its progress.

usage: upload.py ENDPOINT UPLOAD_URL|- FILE CHUNK_SIZE METADATA_AS_JSON
"""

import json
import sys

from tusclient.client import TusClient

endpoint, upload_url, path, chunk_size, metadata = sys.argv[1:]
uploader = TusClient(endpoint).uploader(
    path,
    url=None if upload_url == "-" else upload_url,
    chunk_size=int(chunk_size),
    metadata=json.loads(metadata),
    retries=60,
    retry_delay=0.5,
    upload_checksum=True,
)
while uploader.offset < uploader.get_file_size():
    uploader.upload_chunk()
    print(f"url {uploader.url}", flush=True)
    print(f"sent {uploader.offset}", flush=True)
print("done", flush=True)
