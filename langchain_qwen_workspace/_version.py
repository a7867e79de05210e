"""The version, in the one place that the build and the tracing metadata read it from."""

__version__ = "0.1.0"
