"""Uploads a file with the stock tuspy, and tells on its output where it goes and its progress.

usage: upload.py ENDPOINT UPLOAD_URL|- FILE CHUNK_SIZE METADATA_AS_JSON
The variable TUS_HEADERS has further headers as JSON, and TUS_RETRIES how often what failed is tried again.
"""

import json
import os
import sys

from tusclient.client import TusClient

endpoint, upload_url, path, chunk_size, metadata = sys.argv[1:]
uploader = TusClient(endpoint, json.loads(os.environ.get("TUS_HEADERS", "{}"))).uploader(
    path,
    url=None if upload_url == "-" else upload_url,
    chunk_size=int(chunk_size),
    metadata=json.loads(metadata),
    retries=int(os.environ.get("TUS_RETRIES", "60")),
    retry_delay=0.5,
    upload_checksum=True,
)
while uploader.offset < uploader.get_file_size():
    uploader.upload_chunk()
    print(f"url {uploader.url}", flush=True)
    print(f"sent {uploader.offset}", flush=True)
print("done", flush=True)
