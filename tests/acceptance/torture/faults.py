"""The faults of a round: each starts at some moment, lasts for a while, and is undone."""

import random
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from torture.world import World

HOUR = 3600
JUMPS = [HOUR, -HOUR, 24 * HOUR]


@dataclass
class Fault:
    """How it begins, how it ends, and for how many seconds it lasts."""

    name: str
    begin: Callable[[], None]
    end: Callable[[], None]
    seconds: tuple[float, float] = (0.1, 0.6)
    # Whether a clock is set forward.
    jumps: bool = False


def nothing() -> None:
    pass


def calm(_world: World, _random: random.Random) -> Fault:
    return Fault("none", nothing, nothing)


def kill(world: World, random: random.Random) -> Fault:
    replica = random.choice(world.replicas)
    return Fault("kill", replica.kill, replica.start, (0.0, 0.3))


def kill_all(world: World, _random: random.Random) -> Fault:
    def begin() -> None:
        for replica in world.replicas:
            replica.kill()

    return Fault("kill all", begin, world.start, (0.0, 0.3))


def pause(world: World, random: random.Random) -> Fault:
    """A process that is paused while its leases and timeouts run out, and then continues as if nothing had happened."""
    server = random.choice(world.servers())

    def end() -> None:
        if not server.exited():
            server.process.send_signal(signal.SIGCONT)

    return Fault("pause", lambda: server.process.send_signal(signal.SIGSTOP), end, (0.5, 4.0))


def clock(world: World, random: random.Random) -> Fault:
    replica, jump = random.choice(world.replicas), random.choice(JUMPS)
    begin, end = lambda: replica.set_clock(jump), lambda: replica.set_clock(0)
    return Fault(f"clock {jump // HOUR:+d} h", begin, end, (0.3, 1.0), jumps=True)


def upkeep(world: World, random: random.Random) -> Fault:
    """A collector without grace or a verifier beside the servers, which is killed, too."""
    command = random.choice([["gc", "--grace-seconds", "0"], ["verify", "--mib-per-second", "0"]])
    running: list[subprocess.Popen] = []

    def begin() -> None:
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        running.append(world.installation.spawn(*command, **silent))

    def end() -> None:
        for process in running:
            process.kill()
            process.wait()

    return Fault(f"{command[0]} killed", begin, end)


def full_disk(world: World, random: random.Random) -> Fault:
    leave = random.choice([0, 0, 100_000])
    return Fault("disk full", lambda: world.disk.fill(leave), world.disk.empty, (0.3, 1.0))


def wire(name: str, how: str) -> Callable[[World, random.Random], Fault]:
    def fault(world: World, random: random.Random) -> Fault:
        proxy = world.wires[name]
        begin = {
            "slow": lambda: proxy.delay(random.uniform(0.02, 2)),
            "cut": lambda: proxy.cut(random.choice([0.02, 0.2])),
            "reset": lambda: proxy.reset(random.choice([0.02, 0.2])),
            "black hole": proxy.black_hole,
        }[how]
        forgotten = random.random() < 0.5
        lasts = (0.5, 4.0) if how == "black hole" else (0.3, 1.2)
        return Fault(f"{name} {how}", begin, lambda: proxy.heal(forgotten), lasts)

    return fault


def service(name: str) -> Callable[[World, random.Random], Fault]:
    def fault(world: World, _random: random.Random) -> Fault:
        return Fault(f"{name} killed", lambda: world.services.kill(name), lambda: world.services.start(name))

    return fault


WIRES = [wire(name, how) for name in ("database", "store") for how in ("slow", "cut", "reset", "black hole")]
# With one replica and with two.
EMBEDDED = [calm, kill, kill, kill, pause, upkeep, clock, full_disk, full_disk]
SERVICES = [service("postgres"), service("minio")]
PRODUCTION = [calm, kill, kill, kill_all, pause, pause, upkeep, clock, clock, *WIRES, *SERVICES]


def choose(world: World, random: random.Random) -> list[Fault]:
    """The faults of a round: one, or two at once."""
    kinds = PRODUCTION if world.wires else EMBEDDED
    return [kind(world, random) for kind in random.sample(kinds, 2 if random.random() < 0.25 else 1)]
