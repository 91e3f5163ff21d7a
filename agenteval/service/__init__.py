"""The OTLP receiver as a process: HTTP and gRPC in, a trace store behind. Needs the extra `serve`."""
