"""A registry in plain Python that says what the server should answer, and the doors through which it is asked."""
