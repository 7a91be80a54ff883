"""What was answered last, for the message of a step that fails."""

from collections import deque

ANSWERS: deque[str] = deque(maxlen=1)
