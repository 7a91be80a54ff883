"""A wire between a server and a service it needs, which can be slow, torn, reset or swallow everything."""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

CHUNK = 65536


class Link:
    """One connection through the proxy: the client's end and the service's."""

    def __init__(self, *writers: asyncio.StreamWriter):
        self.writers = writers

    def reset(self) -> None:
        """Drops both ends at once, so that each gets an RST."""
        for writer in self.writers:
            end = writer.get_extra_info("socket")
            if end.fileno() >= 0:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()

    def close(self) -> None:
        for writer in self.writers:
            writer.close()


class Proxy:
    """Forwards connections to one port of this machine. Faults last until `heal`."""

    def __init__(self, port: int, seed: int):
        self.target = port
        self.random = random.Random(seed)
        self.links: set[Link] = set()
        self.seconds = 0.0
        self.chance = 0.0
        self.breaking = Link.close
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        self.flowing = self.do(self.event())
        self.server = self.do(asyncio.start_server(self.connected, "127.0.0.1", 0))
        self.port: int = self.server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.do(self.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def do(self, work: Coroutine):
        """What `work` returns, which runs among the connections."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def delay(self, seconds: float) -> None:
        """Each message takes up to that long."""
        self.seconds = seconds

    def cut(self, chance: float) -> None:
        """Every so often a message ends in its middle, and the connection with it."""
        self.chance, self.breaking = chance, Link.close

    def reset(self, chance: float) -> None:
        """All connections are dropped, and later ones every so often, in the middle of a message."""
        self.chance, self.breaking = chance, Link.reset
        self.do(self.reset_all())

    def black_hole(self) -> None:
        """Nothing arrives any more, and nobody is told."""
        self.loop.call_soon_threadsafe(self.flowing.clear)

    def heal(self, forgotten: bool = False) -> None:
        """All is well again. What a black hole held back arrives late, or never where the connections are `forgotten`."""
        if forgotten:
            self.do(self.reset_all())
        self.loop.call_soon_threadsafe(self.heal_now)

    def heal_now(self) -> None:
        self.seconds = self.chance = 0.0
        self.flowing.set()

    async def event(self) -> asyncio.Event:
        event = asyncio.Event()
        event.set()
        return event

    async def reset_all(self) -> None:
        for link in list(self.links):
            link.reset()

    async def end(self) -> None:
        self.server.close()
        self.heal_now()
        await self.reset_all()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.flowing.wait()
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            Link(writer).reset()
            return
        link = Link(writer, back)
        self.links.add(link)
        try:
            await asyncio.gather(self.pump(link, reader, back), self.pump(link, there, writer))
        except OSError:
            link.reset()
        finally:
            link.close()
            self.links.discard(link)

    async def pump(self, link: Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(CHUNK):
            await self.flowing.wait()
            if self.seconds:
                await asyncio.sleep(self.random.uniform(0, self.seconds))
            if self.random.random() < self.chance:
                sink.write(data[: len(data) // 2])
                await sink.drain()
                self.breaking(link)
                return
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof() and not sink.is_closing():
            sink.write_eof()
