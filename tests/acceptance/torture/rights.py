"""From when to when somebody surely had a right, surely had none, or nobody knows because it was being changed."""

import threading
import time

# After so long, a change of what somebody may do is seen by all replicas, in seconds.
SEEN_AFTER = 1.0


class Right:
    """One person's, which somebody else changes meanwhile."""

    def __init__(self, is_held: bool = False) -> None:
        self.lock = threading.Lock()
        # Whether it is last known to be held.
        self.is_held = is_held
        # From which moment on what is so; None is unknown.
        self.times: list[tuple[float, bool | None]] = [(0.0, is_held)]

    def change(self) -> None:
        """From now on it may be either."""
        with self.lock:
            now = time.monotonic()
            # What was not sure yet never will be.
            self.times = [each for each in self.times if each[0] <= now]
            self.times.append((now, None))

    def settle(self, is_held: bool) -> None:
        """A change was acknowledged: everybody has seen it soon."""
        with self.lock:
            self.is_held = is_held
            self.times.append((time.monotonic() + SEEN_AFTER, is_held))

    def surely(self, since: float, until: float) -> bool | None:
        """What was so the whole time, if that is known."""
        with self.lock:
            before = [state for moment, state in self.times if moment <= since][-1:]
            states = {*before, *(state for moment, state in self.times if since < moment <= until)}
        return states.pop() if len(states) == 1 else None
