"""The sandbox's HTTP server: the app, its routes and injected faults."""
